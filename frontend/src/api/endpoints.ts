import type * as api from "./generated";
import { call, untilLoaded } from "./http";
import type { Timeframe } from "./types";

export const readMe = () => call<api.GetAuthMeData, api.GetAuthMeResponses>("GET", "/api/auth/me", {});

export const logIn = (body: api.PostAuthLoginData["body"]) =>
  call<api.PostAuthLoginData, api.PostAuthLoginResponses>("POST", "/api/auth/login", { body });

export const logOut = () => call<api.PostAuthLogoutData, api.PostAuthLogoutResponses>("POST", "/api/auth/logout", {});

export const readAudit = (action: string, limit: number) =>
  call<api.GetAuditData, api.GetAuditResponses>("GET", "/api/audit", { query: { action, limit } });

export const readStatus = () => call<api.GetAgentStatusData, api.GetAgentStatusResponses>("GET", "/api/agent/status", {});

export const toggleAgent = (enabled: boolean) =>
  call<api.PutAgentToggleData, api.PutAgentToggleResponses>("PUT", "/api/agent/toggle", { body: { enabled } });

export const readConfig = () => call<api.GetAgentConfigData, api.GetAgentConfigResponses>("GET", "/api/agent/config", {});

export const readLatest = (symbols: string[] | null) =>
  call<api.GetSignalsLatestData, api.GetSignalsLatestResponses>("GET", "/api/signals/latest", {
    query: symbols ? { symbols: symbols.join(",") } : {},
  });

export const readDecisions = (symbol?: string) =>
  call<api.GetSignalsDecisionsData, api.GetSignalsDecisionsResponses>("GET", "/api/signals/decisions", {
    query: symbol === undefined ? {} : { symbol },
  });

export const readSignals = (query: NonNullable<api.GetSignalsData["query"]>) =>
  call<api.GetSignalsData, api.GetSignalsResponses>("GET", "/api/signals", { query });

export const readStructure = (symbol: string, timeframe: Timeframe) =>
  call<api.GetSignalsStructureData, api.GetSignalsStructureResponses>("GET", "/api/signals/structure", { query: { symbol, timeframe } });

export const readSignal = (signal_id: string) =>
  call<api.GetSignalsSignalIdData, api.GetSignalsSignalIdResponses>("GET", "/api/signals/{signal_id}", { path: { signal_id } });

export const explainSignal = (signal_id: string) =>
  call<api.GetSignalsSignalIdExplainData, api.GetSignalsSignalIdExplainResponses>("GET", "/api/signals/{signal_id}/explain", {
    path: { signal_id },
  });

export const scoreSeries = (body: api.PostSignalsScoreData["body"]) =>
  untilLoaded(() => call<api.PostSignalsScoreData, api.PostSignalsScoreResponses>("POST", "/api/signals/score", { body }));

export const scan = (body: api.PostScannerRunData["body"]) =>
  untilLoaded(() => call<api.PostScannerRunData, api.PostScannerRunResponses>("POST", "/api/scanner/run", { body }));

export const readRuns = (limit: number) =>
  call<api.GetScannerRunsData, api.GetScannerRunsResponses>("GET", "/api/scanner/runs", { query: { limit } });

export const readCloses = (timeframe: Timeframe, limit: number) =>
  call<api.GetMarketClosesData, api.GetMarketClosesResponses>("GET", "/api/market/closes", { query: { timeframe, limit } });

export const readCandles = (symbol: string, timeframe: Timeframe, limit: number) =>
  call<api.GetMarketCandlesData, api.GetMarketCandlesResponses>("GET", "/api/market/candles", { query: { symbol, timeframe, limit } });

export const readSymbols = () => call<api.GetMarketSymbolsData, api.GetMarketSymbolsResponses>("GET", "/api/market/symbols", {});

export const readSeries = () => call<api.GetMarketSeriesData, api.GetMarketSeriesResponses>("GET", "/api/market/series", {});

export const readMetrics = () => call<api.GetMetricsData, api.GetMetricsResponses>("GET", "/api/metrics", {});

export const readHealth = () => call<api.GetHealthData, api.GetHealthResponses>("GET", "/health", {});

export const readPresets = () =>
  call<api.GetConfigWeightPresetsData, api.GetConfigWeightPresetsResponses>("GET", "/api/config/weight-presets", {});

export const savePreset = (body: api.PostConfigWeightPresetsData["body"]) =>
  call<api.PostConfigWeightPresetsData, api.PostConfigWeightPresetsResponses>("POST", "/api/config/weight-presets", { body });

export const activatePreset = (name: string) =>
  call<api.PostConfigWeightPresetsNameActivateData, api.PostConfigWeightPresetsNameActivateResponses>(
    "POST",
    "/api/config/weight-presets/{name}/activate",
    { path: { name } },
  );

export const deletePreset = (name: string) =>
  call<api.DeleteConfigWeightPresetsNameData, api.DeleteConfigWeightPresetsNameResponses>("DELETE", "/api/config/weight-presets/{name}", {
    path: { name },
  });

export const readPresetHistory = (name: string) =>
  call<api.GetConfigWeightPresetsNameHistoryData, api.GetConfigWeightPresetsNameHistoryResponses>(
    "GET",
    "/api/config/weight-presets/{name}/history",
    { path: { name } },
  );

export const runBacktest = (body: api.PostBacktestRunData["body"]) =>
  call<api.PostBacktestRunData, api.PostBacktestRunResponses>("POST", "/api/backtest/run", { body });

export const readBacktest = (backtest_id: string) =>
  call<api.GetBacktestResultsBacktestIdData, api.GetBacktestResultsBacktestIdResponses>("GET", "/api/backtest/results/{backtest_id}", {
    path: { backtest_id },
  });

export const cancelBacktest = (backtest_id: string) =>
  call<api.DeleteBacktestResultsBacktestIdData, api.DeleteBacktestResultsBacktestIdResponses>(
    "DELETE",
    "/api/backtest/results/{backtest_id}",
    { path: { backtest_id } },
  );

export const readWalkForwards = (limit: number) =>
  call<api.GetBacktestWalkForwardsData, api.GetBacktestWalkForwardsResponses>("GET", "/api/backtest/walk-forwards", { query: { limit } });

export const readWalkForward = (walk_id: number) =>
  call<api.GetBacktestWalkForwardsWalkIdData, api.GetBacktestWalkForwardsWalkIdResponses>("GET", "/api/backtest/walk-forwards/{walk_id}", {
    path: { walk_id },
  });

export const readRecord = (query: NonNullable<api.GetSignalsOutcomesRecordData["query"]>) =>
  call<api.GetSignalsOutcomesRecordData, api.GetSignalsOutcomesRecordResponses>("GET", "/api/signals/outcomes/record", { query });

export const readOutcomes = (query: NonNullable<api.GetSignalsOutcomesData["query"]>) =>
  call<api.GetSignalsOutcomesData, api.GetSignalsOutcomesResponses>("GET", "/api/signals/outcomes", { query });

export const readRisk = () => call<api.GetRiskStatusData, api.GetRiskStatusResponses>("GET", "/api/risk/status", {});

export const readAssessment = () =>
  call<api.GetRiskPortfolioAssessmentData, api.GetRiskPortfolioAssessmentResponses>("GET", "/api/risk/portfolio-assessment", {});

export const readPaperEquity = (limit: number) =>
  call<api.GetRiskEquityData, api.GetRiskEquityResponses>("GET", "/api/risk/equity", { query: { limit } });

export const readVar = (query: NonNullable<api.GetRiskVarData["query"]>) =>
  call<api.GetRiskVarData, api.GetRiskVarResponses>("GET", "/api/risk/var", { query });

export const saveLimits = (body: NonNullable<api.PutRiskLimitsData["body"]>) =>
  call<api.PutRiskLimitsData, api.PutRiskLimitsResponses>("PUT", "/api/risk/limits", { body });

export const planStop = (body: api.PostRiskCalculateStopLossData["body"]) =>
  untilLoaded(() =>
    call<api.PostRiskCalculateStopLossData, api.PostRiskCalculateStopLossResponses>("POST", "/api/risk/calculate-stop-loss", { body }),
  );

export const planPosition = (body: api.PostRiskCalculatePositionData["body"]) =>
  call<api.PostRiskCalculatePositionData, api.PostRiskCalculatePositionResponses>("POST", "/api/risk/calculate-position", { body });

export const checkCorrelation = (body: api.PostRiskCheckCorrelationData["body"]) =>
  call<api.PostRiskCheckCorrelationData, api.PostRiskCheckCorrelationResponses>("POST", "/api/risk/check-correlation", { body });

export const liftProtection = (protection_id: number) =>
  call<api.DeleteRiskProtectionsProtectionIdData, api.DeleteRiskProtectionsProtectionIdResponses>(
    "DELETE",
    "/api/risk/protections/{protection_id}",
    { path: { protection_id } },
  );

export const resetDaily = () => call<api.PostRiskResetDailyData, api.PostRiskResetDailyResponses>("POST", "/api/risk/reset-daily", {});

export const placeOrder = (body: api.PostRiskOrdersData["body"]) =>
  call<api.PostRiskOrdersData, api.PostRiskOrdersResponses>("POST", "/api/risk/orders", { body });

export const readAlerts = (limit: number) => call<api.GetAlertsData, api.GetAlertsResponses>("GET", "/api/alerts", { query: { limit } });

export const readRules = () => call<api.GetAlertsRulesData, api.GetAlertsRulesResponses>("GET", "/api/alerts/rules", {});

export const addRule = (body: api.PostAlertsRulesData["body"]) =>
  call<api.PostAlertsRulesData, api.PostAlertsRulesResponses>("POST", "/api/alerts/rules", { body });

export const changeRule = (rule_id: number, body: api.PutAlertsRulesRuleIdData["body"]) =>
  call<api.PutAlertsRulesRuleIdData, api.PutAlertsRulesRuleIdResponses>("PUT", "/api/alerts/rules/{rule_id}", { path: { rule_id }, body });

export const deleteRule = (rule_id: number) =>
  call<api.DeleteAlertsRulesRuleIdData, api.DeleteAlertsRulesRuleIdResponses>("DELETE", "/api/alerts/rules/{rule_id}", { path: { rule_id } });

export const readTargets = () => call<api.GetAlertsTargetsData, api.GetAlertsTargetsResponses>("GET", "/api/alerts/targets", {});

export const addTarget = (body: api.PostAlertsTargetsData["body"]) =>
  call<api.PostAlertsTargetsData, api.PostAlertsTargetsResponses>("POST", "/api/alerts/targets", { body });

export const changeTarget = (target_id: number, body: NonNullable<api.PutAlertsTargetsTargetIdData["body"]>) =>
  call<api.PutAlertsTargetsTargetIdData, api.PutAlertsTargetsTargetIdResponses>("PUT", "/api/alerts/targets/{target_id}", {
    path: { target_id },
    body,
  });

export const deleteTarget = (target_id: number) =>
  call<api.DeleteAlertsTargetsTargetIdData, api.DeleteAlertsTargetsTargetIdResponses>("DELETE", "/api/alerts/targets/{target_id}", {
    path: { target_id },
  });

export const testTarget = (target_id: number) =>
  call<api.PostAlertsTargetsTargetIdTestData, api.PostAlertsTargetsTargetIdTestResponses>("POST", "/api/alerts/targets/{target_id}/test", {
    path: { target_id },
  });

export const readDeliveries = (query: NonNullable<api.GetAlertsDeliveriesData["query"]>) =>
  call<api.GetAlertsDeliveriesData, api.GetAlertsDeliveriesResponses>("GET", "/api/alerts/deliveries", { query });

export const replayDelivery = (delivery_id: string) =>
  call<api.PostAlertsDeliveriesDeliveryIdReplayData, api.PostAlertsDeliveriesDeliveryIdReplayResponses>(
    "POST",
    "/api/alerts/deliveries/{delivery_id}/replay",
    { path: { delivery_id } },
  );

export const replayDead = () =>
  call<api.PostAlertsDeliveriesReplayData, api.PostAlertsDeliveriesReplayResponses>("POST", "/api/alerts/deliveries/replay", { body: {} });
