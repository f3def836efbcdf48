import type { ReactNode } from "react";

import { ApiError } from "../api/http";

/** Grey bars while something loads. */
export function Loading({ what }: { what: string }) {
  return (
    <div className="loading" role="status" aria-label={`Loading ${what}`}>
      <span className="bone" />
      <span className="bone" />
      <span className="bone" />
    </div>
  );
}

/** Nothing there, and why, and what to do. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <section className="state" data-state="empty">
      <Dial />
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** A request failed. */
export function Failed({ error, what, retry }: { error: Error; what: string; retry?: () => void }) {
  if (error instanceof ApiError && error.status === 404 && error.code === "not_found") return <NotHere what={what} />;
  return (
    <section className="state state-error" data-state="error" role="alert">
      <h2>{what} could not be read</h2>
      <p>{error.message}</p>
      {retry && (
        <p>
          <button onClick={retry}>Try again</button>
        </p>
      )}
    </section>
  );
}

/** The server has no such endpoint: an older one, or a part that is not built in. */
export function NotHere({ what }: { what: string }) {
  return (
    <section className="state" data-state="not-here">
      <Dial />
      <h2>{what}: not on this server</h2>
      <p>This server’s version does not offer it. Nothing is made up in its place.</p>
    </section>
  );
}

function Dial() {
  return (
    <svg className="dial" viewBox="0 0 48 28" aria-hidden="true">
      <path d="M4 26a20 20 0 0 1 40 0" fill="none" stroke="currentColor" strokeWidth="2" strokeDasharray="2 4" />
      <path d="M24 26V10" stroke="currentColor" strokeWidth="2" />
      <circle cx="24" cy="26" r="2" fill="currentColor" />
    </svg>
  );
}
