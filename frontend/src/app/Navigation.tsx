import { Link, useLocation } from "wouter";

const PAGES: [string, string][] = [
  ["/", "Opportunities"],
  ["/scanner", "Scanner"],
  ["/presets", "Presets"],
  ["/backtest", "Backtest"],
  ["/record", "Record"],
  ["/risk", "Risk"],
  ["/alerts", "Alerts"],
  ["/system", "System"],
];

export function Navigation() {
  const [location] = useLocation();
  return (
    <nav className="tabs" aria-label="Pages">
      {PAGES.map(([path, name]) => {
        const here = path === "/" ? location === "/" || location.startsWith("/symbol/") : location.startsWith(path);
        return (
          <Link key={path} href={path} aria-current={here ? "page" : undefined}>
            {name}
          </Link>
        );
      })}
    </nav>
  );
}
