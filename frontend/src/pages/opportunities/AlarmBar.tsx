import { useEffect, useRef, useState } from "react";

import type { Signal } from "../../api/types";
import { score } from "../../format/format";
import { type Alarms, calls, keepAlarms, since, storedAlarms } from "../../live/alarms";
import { live } from "../../live/live";

const ADVICE: Signal["advice"][] = ["BUY", "SELL", "HOLD"];

/** Calls the reader for chosen signals: by the browser's notification, a sound, or both. */
export function AlarmBar() {
  const [alarms, setAlarms] = useState(storedAlarms);
  const change = (changes: Partial<Alarms>) => {
    const next = { ...alarms, ...changes };
    keepAlarms(next);
    setAlarms(next);
  };
  const notify = async (on: boolean) => {
    const allowed = on && "Notification" in window && (await Notification.requestPermission()) === "granted";
    change({ notify: allowed });
  };
  useAlarms(alarms);
  const active = alarms.notify || alarms.sound;
  return (
    <details className="alarms">
      <summary>
        Alarms: {active ? (alarms.muted ? "muted" : "on") : "off"}
      </summary>
      <div className="alarms-body">
        <label>
          <input type="checkbox" checked={alarms.notify} onChange={(event) => void notify(event.target.checked)} /> notification
        </label>
        <label>
          <input type="checkbox" checked={alarms.sound} onChange={(event) => change({ sound: event.target.checked })} /> sound
        </label>
        <label>
          <input type="checkbox" checked={alarms.muted} onChange={(event) => change({ muted: event.target.checked })} /> mute
        </label>
        <span className="muted">for</span>
        {ADVICE.map((advice) => (
          <label key={advice}>
            <input
              type="checkbox"
              checked={alarms.advice.includes(advice)}
              onChange={(event) => change({ advice: ADVICE.filter((one) => (one === advice ? event.target.checked : alarms.advice.includes(one))) })}
            />{" "}
            {advice}
          </label>
        ))}
        <label>
          or symbols{" "}
          <input
            defaultValue={alarms.symbols.join(" ")}
            placeholder="BTCUSDT ETHUSDT"
            onBlur={(event) => change({ symbols: event.target.value.toUpperCase().split(/[\s,]+/).filter(Boolean) })}
          />
        </label>
      </div>
    </details>
  );
}

function useAlarms(alarms: Alarms): void {
  const last = useRef<string | null>(null);
  useEffect(() => {
    last.current = live.getSnapshot().live.feed[0]?.id ?? last.current;
    return live.listen(() => {
      const { feed } = live.getSnapshot().live;
      const fresh = since(feed, last.current);
      last.current = feed[0]?.id ?? last.current;
      const wanted = fresh.filter((signal) => calls(alarms, signal));
      const newest = wanted.at(-1);
      if (!newest) return;
      if (alarms.sound) beep();
      if (alarms.notify) tell(newest, wanted.length);
    });
  }, [alarms]);
}

function tell(signal: Signal, count: number): void {
  const more = count > 1 ? ` and ${count - 1} more` : "";
  new Notification(`${signal.advice} ${signal.symbol}${more}`, { body: `score ${score(signal.score)}, ${signal.because}`, tag: "signals" });
}

let audio: AudioContext | null = null;

/** A short tone; no file to load. */
function beep(): void {
  audio ??= new AudioContext();
  const [tone, volume] = [audio.createOscillator(), audio.createGain()];
  volume.gain.setValueAtTime(0.15, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.35);
  tone.frequency.value = 880;
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.4);
}
