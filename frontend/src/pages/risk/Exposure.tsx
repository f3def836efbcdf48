import type { PortfolioAssessment } from "../../api/generated";
import { fixed, percent } from "../../format/format";

/** Where the risk lies: by direction, by asset with its beta, by cluster of what moves together. */
export function Exposure({ assessment }: { assessment: PortfolioAssessment }) {
  const { assets, clusters, benchmark } = assessment;
  if (assets.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="exposure">
      <h2 id="exposure">Exposure</h2>
      <p>
        Long {percent(assessment.long, 1)}, short {percent(assessment.short, 1)}, net {percent(assessment.net, 1)} of the equity
        {benchmark !== null && `; beta to ${benchmark} ${fixed(assessment.beta, 2)}`}.
      </p>
      <div className="columns">
        <div className="table-scroll" tabIndex={0} role="group" aria-label="Assets, scrollable">
          <table>
            <thead>
              <tr>
                <th scope="col">Asset</th>
                <th scope="col" className="end">Share</th>
                <th scope="col" className="end">Beta</th>
              </tr>
            </thead>
            <tbody>
              {assets.map((one) => (
                <tr key={one.symbol}>
                  <th scope="row">{one.symbol}</th>
                  <td className="end">{percent(one.share, 1)}</td>
                  <td className="end">{fixed(one.beta, 2)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <div className="table-scroll" tabIndex={0} role="group" aria-label="Clusters, scrollable">
          <table>
            <thead>
              <tr>
                <th scope="col">Move together</th>
                <th scope="col" className="end">Gross</th>
                <th scope="col" className="end">Net</th>
              </tr>
            </thead>
            <tbody>
              {clusters.map((one) => (
                <tr key={one.cluster}>
                  <th scope="row">{one.symbols.join(", ")}</th>
                  <td className="end">{percent(one.gross, 1)}</td>
                  <td className="end">{percent(one.net, 1)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
    </section>
  );
}
