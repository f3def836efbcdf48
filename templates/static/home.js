// One socket for everything; on return it asks for what it missed. Server text is only ever set as text.
const byId = (id) => document.getElementById(id);
const rows = new Map();
const seen = {};
let epoch = null;
let enabled = null;
let pause = 500;

function utc(ms) {
  return ms ? new Date(ms).toISOString().replace("T", " ").slice(0, 16) : "";
}

function showSignal(signal, fresh) {
  seen[signal.symbol] = signal.seq;
  const row = document.createElement("tr");
  row.dataset.symbol = signal.symbol;
  const timeframes = Object.entries(signal.timeframes).map(([name, score]) => `${name} ${score.toFixed(2)}`);
  const cells = [
    signal.symbol, signal.seq, Number(signal.price.toPrecision(6)), signal.score.toFixed(3), signal.advice,
    signal.confidence.toFixed(2), signal.risk_level, timeframes.join("  "), signal.because, utc(signal.ts),
  ];
  for (const text of cells) row.insertCell().textContent = text;
  row.cells[4].className = signal.advice;
  if (fresh) {
    row.className = "fresh";
    setTimeout(() => row.classList.remove("fresh"), 2000);
  }
  rows.set(signal.symbol, row);
  byId("signals").replaceChildren(...[...rows.keys()].sort().map((symbol) => rows.get(symbol)));
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

async function loadLatest() {
  const answer = await fetch("/api/signals/latest");
  if (!answer.ok) throw new Error(`latest signals: ${answer.status}`);
  const latest = await answer.json();
  epoch = latest.epoch;
  for (const signal of latest.results) showSignal(signal, false);
}

function take(message) {
  if (message.type === "status") showStatus(message);
  else if (message.type === "signal") showSignal(message, true);
  else if (message.type === "error" && message.code === "history_lost") {
    seen[message.symbol] = message.head_seq;
    loadLatest().catch((error) => { byId("notice").textContent = error.message; });
  } else if (message.type === "error") byId("notice").textContent = message.message;
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/ws/realtime`);
  socket.onopen = () => {
    pause = 500;
    showConnection("live", "good");
    socket.send(JSON.stringify({ action: "subscribe", symbols: ["*"], since: seen, ...(epoch && { epoch }) }));
  };
  socket.onmessage = (event) => take(JSON.parse(event.data));
  socket.onclose = (event) => {
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

loadLatest().catch((error) => { byId("notice").textContent = error.message; }).finally(connect);
