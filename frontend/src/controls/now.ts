/** The time (Unix ms), in steps, for what is said of it: "in 1 min" is not to stand there for an hour. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

export function useNow(everyMs: number): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => (now.value = Date.now()), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return now.value;
}
