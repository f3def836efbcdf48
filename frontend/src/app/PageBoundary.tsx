import { Component, type ReactNode } from "react";

type Props = { children: ReactNode };
type State = { failure: string | null };

/** Keeps the header and the feed when a page fails to load or to draw. */
export class PageBoundary extends Component<Props, State> {
  override state: State = { failure: null };

  static getDerivedStateFromError(error: unknown): State {
    return { failure: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    if (this.state.failure === null) return this.props.children;
    return (
      <section className="state state-error" role="alert">
        <h1>This page could not be shown</h1>
        <p>{this.state.failure}</p>
        <p>
          The server may have been updated. <button onClick={() => location.reload()}>Load it again</button>
        </p>
      </section>
    );
  }
}
