// Print the next three signals; comes back by itself and misses none. Node 22 has WebSocket built in, as browsers do;
// an older one needs --experimental-websocket. Usage: AGENT_URL=… AGENT_TOKEN=… node listen.mjs
const url = process.env.AGENT_URL ?? "http://127.0.0.1:8000";
const headers = process.env.AGENT_TOKEN ? { Authorization: `Token ${process.env.AGENT_TOKEN}` } : {};
const seen = {};
let epoch;
let left = 3;
let pause = 500;

async function ticket() {
  if (!headers.Authorization) return "";
  const answer = await fetch(`${url}/api/auth/ws-ticket`, { method: "POST", headers });
  if (!answer.ok) throw new Error(`no ticket: ${answer.status}`);
  return `?ticket=${(await answer.json()).ticket}`;
}

async function connect() {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/ws/realtime${await ticket()}`);
  // Before any message is taken: the greeting may bring another epoch than the one that `seen` counts in.
  socket.onopen = () =>
    socket.send(JSON.stringify({ action: "subscribe", symbols: ["*"], ...(epoch && { since: seen, epoch }) }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    pause = 500;
    if (message.type === "status") epoch = message.epoch;
    else if (message.type === "subscription_confirmed") for (const s in message.seq) seen[s] ??= message.seq[s];
    else if (message.code === "history_lost") seen[message.symbol] = message.head_seq;
    else if (message.type === "signal") {
      seen[message.symbol] = message.seq;
      console.log(`${message.symbol} #${message.seq} ${message.advice} ${message.score.toFixed(3)}`);
      if (--left === 0) process.exit(0);
    }
  };
  socket.onclose = ({ code }) => {
    if (code >= 4500 && code < 5000) process.exit(1); // coming back is useless
    setTimeout(connect, pause * (0.5 + Math.random() / 2));
    pause = Math.min(2 * pause, 30000);
  };
}

connect();
