import { useEffect, useState } from "react";

const NAMES = ["panel", "line", "line-strong", "text", "muted", "accent", "up", "down", "amber"] as const;
export type Colours = Record<(typeof NAMES)[number], string>;

function read(): Colours {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Colours;
}

/** The page's colours for what is drawn on canvas; read again when the theme changes. */
export function useColours(): Colours {
  const [colours, setColours] = useState(read);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const onChange = () => setColours(read());
    query.addEventListener("change", onChange);
    addEventListener("themechange", onChange);
    return () => {
      query.removeEventListener("change", onChange);
      removeEventListener("themechange", onChange);
    };
  }, []);
  return colours;
}
