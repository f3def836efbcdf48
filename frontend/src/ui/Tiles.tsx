/** Figures side by side, each under its name. */
export function Tiles({ figures, id, className = "", testid }: { figures: readonly [string, string][]; id?: number | string; className?: string; testid?: string }) {
  return (
    <dl className={`tiles ${className}`.trim()} data-testid={testid} data-id={id}>
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
