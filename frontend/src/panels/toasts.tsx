/** Notices: what happened and what to do. An error stays until it is dismissed. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { IconButton } from "../controls/controls";
import { useKnown } from "../page";
import type { Toast } from "../state";

const READING_MS = { info: 6000, warning: 10000, error: 0 } as const;

export function Toasts(): JSX.Element {
  const { toasts } = useKnown();
  return (
    <div class="toasts" role="region" aria-label="Notices" aria-live="polite">
      {toasts.value.map((toast) => (
        <ToastView key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function ToastView({ toast }: { toast: Toast }): JSX.Element {
  const state = useKnown();
  useEffect(() => {
    const time = READING_MS[toast.level];
    const timer = time > 0 ? window.setTimeout(() => state.dismiss(toast.id), time) : 0;
    return () => window.clearTimeout(timer);
  }, [toast.id]);
  return (
    <div class={`toast ${toast.level}`} role={toast.level === "error" ? "alert" : undefined}>
      <div>
        <p class="text">
          {toast.text}
          {toast.count > 1 && <span class="count"> ×{toast.count}</span>}
        </p>
        {toast.remedy && <p class="remedy">{toast.remedy}</p>}
      </div>
      <IconButton icon="close" label="Dismiss" onPress={() => state.dismiss(toast.id)} />
    </div>
  );
}
