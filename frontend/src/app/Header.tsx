import { useState } from "react";
import { Link } from "wouter";

import { AgentSwitch } from "./AgentSwitch";
import { Account } from "./Account";
import { ConnectionBadge } from "./ConnectionBadge";
import { useAgent } from "./useAgent";
import { keepTheme, storedTheme, type Theme } from "./theme";
import { Time } from "../ui/Time";

export function Header() {
  const agent = useAgent();
  const source = agent?.market.source;
  const madeUp = source === "simulated" || source === "replay";
  return (
    <header className="top" data-made-up={madeUp || undefined}>
      {madeUp && <div className="hazard" aria-hidden="true" />}
      <div className="top-row">
        <Link href="/" className="brand">
          <Mark />
          <span>Opportunity agent</span>
        </Link>
        <div className="badges">
          {source && (
            <span className={`badge ${madeUp ? "badge-loud" : "badge-good"}`} data-badge="source" title={marketTitle(source)}>
              {source.toUpperCase()}
              {agent.market.status !== "live" && <b> · {agent.market.status}</b>}
            </span>
          )}
          <ConnectionBadge />
          {agent && (
            <>
              <span className="fact" title="The market’s clock">
                <span className="fact-name">market</span> <Time ms={agent.market.now} style="short" />
              </span>
              <Link href="/presets" className="fact" title="The preset in use">
                <span className="fact-name">preset</span> <span data-testid="preset">{agent.preset}</span>
              </Link>
            </>
          )}
        </div>
        <div className="controls">
          <ThemeSwitch />
          <Account />
          <AgentSwitch agent={agent} />
        </div>
      </div>
    </header>
  );
}

function marketTitle(source: string): string {
  if (source === "simulated") return "Made-up prices that only show how it works";
  if (source === "replay") return "Candles of the past, played again";
  return `Prices from ${source}`;
}

const THEMES: Theme[] = ["system", "dark", "light"];
const THEME_GLYPHS: Record<Theme, string> = { system: "◐", dark: "●", light: "○" };

function ThemeSwitch() {
  const [theme, setTheme] = useState(storedTheme);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  const change = () => {
    keepTheme(next);
    setTheme(next);
  };
  return (
    <button className="icon" onClick={change} title={`Colours: ${theme}; change to ${next}`} aria-label={`Colours: ${theme}; change to ${next}`}>
      {THEME_GLYPHS[theme]}
    </button>
  );
}

function Mark() {
  return (
    <svg className="mark" viewBox="0 0 20 20" aria-hidden="true">
      <path d="M10 1v18" stroke="currentColor" strokeWidth="1.5" opacity="0.45" />
      <path d="M10 4h7v3h-7z" className="mark-up" />
      <path d="M4 8.5h6v3H4z" className="mark-down" />
      <path d="M10 13h4v3h-4z" className="mark-up" />
    </svg>
  );
}
