import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { toggleAgent } from "../api/endpoints";
import type { AgentStatus } from "../api/types";
import { useAccess } from "./useAccess";
import { LastSwitch } from "./LastSwitch";
import { Dialog } from "../ui/Dialog";

/** Turns the agent on or off everywhere; asks before off. */
export function AgentSwitch({ agent }: { agent: AgentStatus | null }) {
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const lacks = useAccess().lacks("toggle");
  const toggle = useMutation({
    mutationFn: toggleAgent,
    onSuccess: (status) => client.setQueryData(["status"], status),
    onSettled: () => setAsking(false),
  });
  if (!agent) return <span className="switch" aria-hidden="true" />;
  const state = agent.enabled ? (agent.running ? "on" : "starting") : "off";
  return (
    <>
      <button
        className="switch"
        role="switch"
        aria-checked={agent.enabled}
        aria-label="Agent"
        data-state={state}
        disabled={toggle.isPending || lacks !== null}
        onClick={() => (agent.enabled ? setAsking(true) : toggle.mutate(true))}
        title={lacks ?? switchTitle(agent)}
      >
        <i aria-hidden="true" />
        <span>Agent {state}</span>
      </button>
      {toggle.error && (
        <span className="switch-error" role="alert">
          {toggle.error.message}
        </span>
      )}
      {asking && (
        <Dialog title="Turn the agent off?" onClose={() => setAsking(false)}>
          <p>Scanning stops for everyone, and no signals come until it is turned on again.</p>
          <LastSwitch />
          <div className="dialog-buttons">
            <button onClick={() => setAsking(false)}>Leave it on</button>
            <button className="danger" disabled={toggle.isPending} onClick={() => toggle.mutate(false)}>
              Turn off
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function switchTitle(agent: AgentStatus): string {
  if (agent.enabled && !agent.running) return "On, but no runner is alive";
  return agent.enabled ? "On: it scans" : "Off: nothing is scanned and no signals come";
}
