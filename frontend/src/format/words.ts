/** The API's names as a reader has them. What has no other word is shown as it is, without underscores. */

const BECAUSE: Record<string, string> = {
  first: "first score",
  advice: "advice changed",
  direction: "direction changed",
  moved: "score moved",
};

const OUTCOMES: Record<string, string> = {
  open: "still open",
  target: "reached target",
  stop: "stopped out",
  time: "time ran out",
  void: "void",
  signal: "signal turned",
  hand: "closed by hand",
  ended: "data ended",
};

/** Detector: its name, and what it looks at. */
const DETECTORS: Record<string, [string, string]> = {
  trend: ["trend", "Order and slope of moving averages; ADX says how sure"],
  momentum: ["momentum", "RSI, MACD histogram, stochastic RSI"],
  mean_reversion: ["mean reversion", "How far the price is from its mean, outside trends"],
  volatility: ["volatility", "A squeeze of the bands and the side of its release"],
  volume: ["volume", "Whether volume goes with the move: OBV, money flow"],
  sar: ["parabolic SAR", "On which side of the parabolic stop the price is"],
  price_action: ["price action", "Candle patterns at swing levels"],
  smc: ["market structure", "Breaks of structure, gaps, order blocks, liquidity sweeps (smart money concepts)"],
  fibonacci: ["Fibonacci", "Retracements of the last confirmed swing"],
  harmonic: ["harmonic patterns", "Gartley, Bat, Butterfly and Crab on confirmed swings"],
  elliott: ["Elliott waves", "Rule-checked counts of impulse and correction"],
  whales: ["large trades", "Which side takes, and how large its trades are"],
  sentiment: ["sentiment", "Funding rate, open interest, long/short ratio"],
  news: ["news", "Only where a source is configured"],
};

const spaced = (name: string): string => name.replaceAll("_", " ");

export const because = (name: string): string => BECAUSE[name] ?? spaced(name);
export const outcomeWord = (name: string): string => OUTCOMES[name] ?? spaced(name);
export const detectorName = (name: string): string => DETECTORS[name]?.[0] ?? spaced(name);
export const detectorIdea = (name: string): string | undefined => DETECTORS[name]?.[1];
