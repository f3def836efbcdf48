/**
 * Endpoints of the contract (docs/contract.md) that the schema of this server may not have yet. They are asked for all
 * the same: a 404 is shown as "not on this server". As the schema gets them, they move to endpoints.ts.
 */
import { call } from "./http";

type Post<U extends string, B> = { url: U; body: B };
type Get<U extends string, Q = never> = { url: U; query?: Q };

export type StopPlan = { stop_loss: number; take_profit: number; atr: number | null; structure_level: number | null };
export type SizePlan = {
  status?: "accepted" | "rejected";
  limits?: string[];
  quantity?: number;
  notional?: number;
  risk_amount?: number;
  take_profit?: number;
  r_multiple?: number;
};

export const planStop = (body: { symbol: string; direction: string; entry_price?: number; timeframe?: string }) =>
  call<Post<"/api/risk/calculate-stop-loss", typeof body>, { 200: StopPlan }>("POST", "/api/risk/calculate-stop-loss", { body });

export const planPosition = (body: { symbol: string; entry_price: number; stop_loss: number; equity?: number }) =>
  call<Post<"/api/risk/calculate-position", typeof body>, { 200: SizePlan }>("POST", "/api/risk/calculate-position", { body });

export type RiskStatus = {
  var95: number | null;
  leverage: number;
  drawdown: number;
  exposure: number;
  open_positions: number;
  limits: Record<string, number>;
};

export const readRisk = () => call<Get<"/api/risk/status">, { 200: RiskStatus }>("GET", "/api/risk/status", {});

export const checkCorrelation = (body: { symbol: string; with: string[] }) =>
  call<Post<"/api/risk/check-correlation", typeof body>, { 200: { correlations: Record<string, number> } }>(
    "POST",
    "/api/risk/check-correlation",
    { body },
  );
