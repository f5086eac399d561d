// A run's status with its notes, typed: the service's own members stay whatever they are, the added ones have types.
import type { GlossNotes } from "./gloss_notes";

type Status = { run_id: string; status: string } & Partial<GlossNotes>;

export async function status(base: string, run: string, key: string): Promise<Status> {
  const path = `/api/v1/workflows/claude-code/run/${encodeURIComponent(run)}/status`;
  const answer = await fetch(base + path, { headers: { "x-api-key": key, Gloss: "enhanced" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return (await answer.json()) as Status;
}

// The basic answer has none of them (Gloss-Variant says which one came), so that each may be missing.
export function line(status: Status): string {
  const percent: number | undefined = status.progress_summary?.completion_percentage;
  if (percent === undefined) return `${status.run_id}: ${status.status}`;
  const steps = status.workflow_steps?.steps ?? [];
  const done = steps.filter((step) => step.status === "completed").length;
  return `${status.run_id}: ${percent} %, ${done} of ${steps.length} steps`;
}
