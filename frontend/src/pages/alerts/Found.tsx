import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";

import { readAlerts } from "../../api/endpoints";
import { pace } from "../../api/queries";
import { AdviceMark, DirectionMark, ScoreBar } from "../../ui/marks";
import { Failed, Loading } from "../../ui/states";
import { Time } from "../../ui/Time";
import { EVERY_MS } from "./AlertsPage";

/** What the rules found, told to somebody or not. */
export function Found() {
  const found = useQuery({ queryKey: ["alerts", "found"], queryFn: () => readAlerts(20), refetchInterval: pace(EVERY_MS) });
  return (
    <section className="panel" aria-labelledby="found">
      <h2 id="found">What the rules found</h2>
      {found.error && !found.data ? (
        <Failed error={found.error} what="What was found" />
      ) : !found.data ? (
        <Loading what="what was found" />
      ) : found.data.results.length === 0 ? (
        <p className="muted">Nothing yet: what the rules find is listed here, told to somebody or not.</p>
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label="Found, scrollable">
          <table>
            <thead>
              <tr>
                <th scope="col">Market time</th>
                <th scope="col">Symbol</th>
                <th scope="col">Score</th>
                <th scope="col">Direction</th>
                <th scope="col">Advice</th>
                <th scope="col">Rule</th>
              </tr>
            </thead>
            <tbody>
              {found.data.results.map(({ id, event }) => (
                <tr key={id}>
                  <td>
                    <Time ms={event.ts} style="short" />
                  </td>
                  <th scope="row">
                    <Link href={`/symbol/${event.symbol}`}>{event.symbol}</Link>
                  </th>
                  <td>
                    <ScoreBar value={event.score} />
                  </td>
                  <td>
                    <DirectionMark direction={event.direction} />
                  </td>
                  <td>
                    <AdviceMark advice={event.advice} />
                  </td>
                  <td>{event.rule}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
