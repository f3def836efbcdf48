import { useStatus } from "../api/queries";
import type { AgentStatus } from "../api/types";
import { useLive } from "../live/live";

/** The agent as last told: by the socket, which tells a switch at once, or by the poll, which has the market's clock. */
export function useAgent(): AgentStatus | null {
  const told = useLive((snapshot) => snapshot.live.agent);
  const toldAt = useLive((snapshot) => snapshot.live.agentAt);
  const { data, dataUpdatedAt } = useStatus();
  if (!data) return told;
  return told && toldAt > dataUpdatedAt ? told : data;
}
