import { session } from "./session";

/** One complaint of the API: `attr` names the field. */
export type Complaint = { code: string; detail: string; attr: string | null };

/** The API refused, or did not answer (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly complaints: Complaint[],
    /** Seconds to wait, from Retry-After. */
    readonly retryAfter: number | null = null,
  ) {
    super(complaints.map((c) => (c.attr ? `${c.attr}: ${c.detail}` : c.detail)).join("; "));
  }

  get code(): string {
    return this.complaints[0]?.code ?? "error";
  }
}

type Value = string | number | boolean | undefined;
type Query = Record<string, Value>;

/** An operation as the generated types describe it. */
type Operation = { url: string; path?: unknown; query?: unknown; body?: unknown };
type Parts<O extends Operation> = Omit<O, "url">;
type Given = { path?: Record<string, Value>; query?: Query; body?: unknown };

/**
 * Ask the API; return its JSON. Raises ApiError. A 401 makes the page ask for a login.
 *
 * `O` and `R` are an operation's generated `…Data` and `…Responses`: address, parameters, body and answer are checked.
 */
export async function call<O extends Operation, R>(method: string, url: O["url"], parts: Parts<O>): Promise<R[keyof R]> {
  const { path, query, body } = parts as Given;
  const response = await send(method, address(url, path) + queryText(query), body);
  if (response.status === 204) return undefined as R[keyof R];
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer as R[keyof R];
  if (response.status === 401 && url !== LOGIN) session.expire();
  throw refusal(response, answer);
}

type StillLoading = { status: "loading"; detail: string };
const LOADING_MS = 1000;
const LOADING_TRIES = 60;

/** Ask again while the server answers 202: it loads a series that nobody watched before. */
export async function untilLoaded<T extends object>(ask: () => Promise<T | StillLoading>): Promise<T> {
  for (let tries = 0; tries < LOADING_TRIES; tries++) {
    const answer = await ask();
    if (!isLoading(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, LOADING_MS));
  }
  throw new ApiError(202, [{ code: "loading", detail: "the series are still being loaded; ask again later", attr: null }]);
}

function isLoading(answer: object): answer is StillLoading {
  return "status" in answer && answer.status === "loading";
}

/** A wrong password is answered with 401 as well, and the form that sent it says so. */
const LOGIN = "/api/auth/login";

function address(url: string, path: Record<string, Value> = {}): string {
  return url.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name])));
}

export function queryText(query: Query = {}): string {
  const given = Object.entries(query).filter((pair) => pair[1] !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

/** A server that took a request and died would be waited for until the network gives up. */
const PATIENCE_MS = 30_000;

async function send(method: string, path: string, body: unknown): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new ApiError(0, [{ code: "unreachable", detail: "the server does not answer", attr: null }]);
  }
}

function refusal(response: Response, answer: unknown): ApiError {
  const seconds = Number(response.headers.get("Retry-After"));
  const fallback = [{ code: "error", detail: `the server answered ${response.status}`, attr: null }];
  return new ApiError(response.status, complaintsOf(answer) ?? fallback, seconds > 0 ? seconds : null);
}

function complaintsOf(answer: unknown): Complaint[] | null {
  if (typeof answer !== "object" || answer === null || !("errors" in answer)) return null;
  return Array.isArray(answer.errors) && answer.errors.length ? (answer.errors as Complaint[]) : null;
}

function csrfToken(): string {
  return /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
}
