import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { readRecord } from "../../api/endpoints";
import type { Groups, Record as RecordAnswer, Summary } from "../../api/generated";
import { percent, signed, whole } from "../../format/format";
import { detectorName } from "../../format/words";
import { Failed, Loading } from "../../ui/states";
import { Tiles } from "../../ui/Tiles";
import { Reliability } from "./Reliability";

const GROUPS: [keyof Groups, string][] = [
  ["score", "Score"],
  ["detector", "Detector"],
  ["preset", "Preset"],
  ["timeframe", "Timeframe"],
  ["symbol", "Symbol"],
];

/** Whether such signals were right before. */
export default function RecordPage() {
  const [side, setSide] = useState<"" | "BULLISH" | "BEARISH">("");
  const record = useQuery({ queryKey: ["record", side], queryFn: () => readRecord(side ? { direction: side } : {}), placeholderData: (before) => before, retry: false });
  return (
    <div className="page">
      <div className="page-head">
        <h1>Record</h1>
        <label>
          <span className="muted">Signals</span>{" "}
          <select value={side} onChange={(event) => setSide(event.target.value as typeof side)}>
            <option value="">of both sides</option>
            <option value="BULLISH">bullish</option>
            <option value="BEARISH">bearish</option>
          </select>
        </label>
      </div>
      {record.error ? (
        <Failed error={record.error} what="The record of outcomes" retry={() => void record.refetch()} />
      ) : record.data ? (
        <Shown record={record.data} />
      ) : (
        <Loading what="outcomes" />
      )}
    </div>
  );
}

function Shown({ record }: { record: RecordAnswer }) {
  return (
    <>
      <Overall record={record} />
      <div className="columns">
        <Reliability calibration={record.calibration} />
        <section className="panel" aria-labelledby="terms">
          <h2 id="terms">How to read it</h2>
          <p className="muted">
            A signal with a direction is followed to its stop, its target or its last bar, with fees. R is the loss that the stop allows. The interval
            holds the true hit rate with 95 %; the baseline enters at random with the same stops. With too few outcomes nothing is said.
          </p>
        </section>
      </div>
      <div className="columns record-groups">
        {GROUPS.map(([key, name]) => (
          <GroupTable key={key} name={name} groups={record.groups[key]} />
        ))}
      </div>
    </>
  );
}

function Overall({ record }: { record: RecordAnswer }) {
  const { overall } = record;
  const figures: [string, string][] = [
    ["Decided", whole(overall.count)],
    ["Still open", whole(record.open)],
    ["Void", whole(record.void)],
    ["Hit rate", percent(overall.hit_rate, 1)],
    ["95 % interval", interval(overall)],
    ["At random", percent(overall.baseline?.hit_rate, 1)],
    ["Expectancy", expectancy(overall)],
  ];
  return (
    <>
      {overall.status === "insufficient" && (
        <p className="muted" data-state="empty">
          {whole(overall.count)} outcomes so far: too few to say how often signals are right.
        </p>
      )}
      <Tiles figures={figures} className="record-tiles" testid="record" />
    </>
  );
}

const expectancy = (summary: Summary) => (summary.expectancy_r === null ? "–" : `${signed(summary.expectancy_r, 3)} R`);

function interval({ interval: bounds }: Summary): string {
  return bounds?.length === 2 ? `${percent(bounds[0], 1)} – ${percent(bounds[1], 1)}` : "–";
}

function GroupTable({ name, groups }: { name: string; groups: Groups[keyof Groups] }) {
  return (
    <section className="panel" aria-label={`By ${name.toLowerCase()}`}>
      <h2>By {name.toLowerCase()}</h2>
      {groups.length === 0 ? (
        <p className="muted">No outcome yet.</p>
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={`By ${name.toLowerCase()}, scrollable`}>
          <table>
            <thead>
              <tr>
                <th scope="col">{name}</th>
                <th scope="col" className="end">Outcomes</th>
                <th scope="col" className="end">Hit rate</th>
                <th scope="col" className="end">95 % interval</th>
                <th scope="col" className="end">Expectancy</th>
              </tr>
            </thead>
            <tbody>
              {groups.map((group) => (
                <tr key={group.key}>
                  <th scope="row">{detectorName(group.key)}</th>
                  <td className="end">{whole(group.count)}</td>
                  <td className="end">{percent(group.hit_rate, 1)}</td>
                  <td className="end">{interval(group)}</td>
                  <td className="end">{expectancy(group)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
