import { useQuery } from "@tanstack/react-query";

import { readMe } from "../api/endpoints";
import type { Me } from "../api/generated";

export type Ability = Me["permissions"][number];

/** Who the reader is. */
export const useMe = () => useQuery({ queryKey: ["me"], queryFn: readMe, staleTime: 60_000 });

/** What the reader may do. `lacks` gives the reason why not, or null. */
export function useAccess(): { lacks: (ability: Ability) => string | null } {
  const { data } = useMe();
  return { lacks: (ability) => (data === undefined || data.permissions.includes(ability) ? null : reason(data, ability)) };
}

function reason(me: Me, ability: Ability): string {
  if (me.user === null) return `Log in to do this: it needs the permission “${ability}”.`;
  return `${me.user}’s role, ${me.role ?? "none"}, lacks the permission “${ability}”.`;
}
