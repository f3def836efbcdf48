import { lazy, Suspense } from "react";
import { Route, Switch } from "wouter";

import { Loading } from "../ui/states";
import { Header } from "./Header";
import { LoginGate } from "./Login";
import { Navigation } from "./Navigation";
import { Notices } from "./Notices";
import { OpportunitiesPage } from "../pages/opportunities/OpportunitiesPage";
import { PageBoundary } from "./PageBoundary";
import { useMe } from "./useAccess";

const SymbolPage = lazy(() => import("../pages/symbol/SymbolPage"));
const ScannerPage = lazy(() => import("../pages/scanner/ScannerPage"));
const PresetsPage = lazy(() => import("../pages/presets/PresetsPage"));
const BacktestPage = lazy(() => import("../pages/backtest/BacktestPage"));
const RecordPage = lazy(() => import("../pages/record/RecordPage"));
const RiskPage = lazy(() => import("../pages/risk/RiskPage"));
const AlertsPage = lazy(() => import("../pages/alerts/AlertsPage"));
const SystemPage = lazy(() => import("../pages/system/SystemPage"));
const NotFoundPage = lazy(() => import("../pages/NotFoundPage"));

export function App() {
  const me = useMe();
  return (
    <>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <Header />
      <Navigation />
      <Notices />
      <main id="main" tabIndex={-1}>
        <PageBoundary>
          <Suspense fallback={<Loading what="page" />}>
            <Switch>
              <Route path="/" component={OpportunitiesPage} />
              <Route path="/symbol/:symbol" component={SymbolPage} />
              <Route path="/scanner" component={ScannerPage} />
              <Route path="/presets" component={PresetsPage} />
              <Route path="/backtest" component={BacktestPage} />
              <Route path="/record" component={RecordPage} />
              <Route path="/risk" component={RiskPage} />
              <Route path="/alerts" component={AlertsPage} />
              <Route path="/system" component={SystemPage} />
              <Route component={NotFoundPage} />
            </Switch>
          </Suspense>
        </PageBoundary>
      </main>
      <LoginGate />
      <footer className="foot">
        <span>
          Signals are no advice and no orders are placed. {me.data?.open_control && "Control is open to every program and person on this machine."}
        </span>
        <span className="foot-links">
          <a href="/api/docs">API</a>
          <a href="/admin/">Admin</a>
          <a href="/health">Health</a>
        </span>
      </footer>
    </>
  );
}
