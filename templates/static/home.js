// One socket for all signals; on return it asks for what it missed. Between signals the last decision of each symbol is
// read again. Server text is only ever set as text.
const DECISIONS_EVERY_MS = 2000;
const byId = (id) => document.getElementById(id);
const signals = new Map();
const decisions = new Map();
const seen = {};
let epoch = null;
let enabled = null;
let pause = 500;

const utc = (ms) => (ms ? new Date(ms).toISOString().replace("T", " ").slice(0, 16) : "");
const figure = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const price = (value) => (value === null || value === undefined ? "–" : String(Number(value.toPrecision(6))));

function told(decision) {
  if (!decision) return "";
  if (decision.emitted) return "yes";
  const gaps = decision.skipped.map((none) => `${none.timeframe} ${none.reason}`);
  return decision.because === "no_score" ? `no score: ${gaps.join(", ")}` : `no: ${decision.because}`;
}

function cells(symbol) {
  const now = decisions.get(symbol);
  const last = signals.get(symbol);
  return [
    symbol, price(now?.price), figure(now?.score, 3), now?.advice ?? "–", figure(now?.confidence, 2), told(now),
    last ? `#${last.seq}` : "–", last?.advice ?? "", figure(last?.score, 3), last?.because ?? "", utc(last?.ts),
  ];
}

function draw(freshSymbol) {
  const symbols = [...new Set([...decisions.keys(), ...signals.keys()])].sort();
  if (!symbols.length) return;
  byId("symbols").replaceChildren(...symbols.map((symbol) => {
    const row = document.createElement("tr");
    row.dataset.symbol = symbol;
    for (const text of cells(symbol)) row.insertCell().textContent = text;
    row.cells[3].className = row.cells[3].textContent;
    row.cells[7].className = row.cells[7].textContent;
    if (symbol === freshSymbol) {
      row.className = "fresh";
      setTimeout(() => row.classList.remove("fresh"), 2000);
    }
    return row;
  }));
}

function keepSignal(signal) {
  seen[signal.symbol] = signal.seq;
  signals.set(signal.symbol, signal);
}

function showStatus(status) {
  enabled = status.agent.enabled;
  epoch = status.epoch;
  const { source, status: state, now } = status.agent.market;
  const badge = byId("source");
  badge.textContent = `${source.toUpperCase()} market, ${state}`;
  badge.className = source === "simulated" || source === "replay" ? "badge loud" : "badge good";
  byId("clock").textContent = now ? `${utc(now)} UTC` : "";
  const button = byId("switch");
  button.disabled = false;
  button.textContent = enabled ? "Agent is on – turn off" : "Agent is off – turn on";
  button.setAttribute("aria-pressed", String(enabled));
}

function showConnection(text, kind) {
  byId("connection").textContent = text;
  byId("connection").className = `badge ${kind}`;
}

async function read(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
  return answer.json();
}

async function loadLatest() {
  const latest = await read("/api/signals/latest");
  epoch = latest.epoch;
  latest.results.forEach(keepSignal);
  draw();
}

async function loadDecisions() {
  const { results } = await read("/api/signals/decisions");
  for (const decision of results) decisions.set(decision.symbol, decision);
  draw();
}

function complain(error) {
  byId("notice").textContent = error.message;
}

function take(message) {
  if (message.type === "status") showStatus(message);
  else if (message.type === "signal") {
    keepSignal(message);
    draw(message.symbol);
  } else if (message.type === "error" && message.code === "history_lost") {
    seen[message.symbol] = message.head_seq;
    loadLatest().catch(complain);
  } else if (message.type === "error") complain(message);
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/ws/realtime`);
  const timer = setInterval(() => {
    if (socket.readyState === WebSocket.OPEN) loadDecisions().catch(complain);
  }, DECISIONS_EVERY_MS);
  socket.onopen = () => {
    pause = 500;
    byId("notice").textContent = "";
    showConnection("live", "good");
    socket.send(JSON.stringify({ action: "subscribe", symbols: ["*"], since: seen, ...(epoch && { epoch }) }));
    loadDecisions().catch(complain);
  };
  socket.onmessage = (event) => take(JSON.parse(event.data));
  socket.onclose = (event) => {
    clearInterval(timer);
    if (event.code >= 4500 && event.code < 5000) return showConnection(`closed (${event.code})`, "bad");
    showConnection("reconnecting", "bad");
    setTimeout(connect, pause * (0.5 + Math.random() / 2));
    pause = Math.min(pause * 2, 10000);
  };
}

byId("switch").addEventListener("click", async () => {
  const answer = await fetch("/api/agent/toggle", {
    method: "PUT",
    headers: { "Content-Type": "application/json", "X-CSRFToken": document.body.dataset.csrf },
    body: JSON.stringify({ enabled: !enabled }),
  });
  byId("notice").textContent = answer.ok ? "" : `The switch did not work (${answer.status}).`;
});

loadLatest().catch(complain).finally(connect);
