import { useSignal } from "@preact/signals";
import { notice } from "../state";
import { Icon } from "./icons";

/** Milliseconds that the tick shows. */
const TICK = 1500;

export function CopyButton({
  text,
  label,
  name,
}: {
  text: () => string;
  label: string;
  name?: string;
}) {
  const isDone = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      notice.value = "The browser does not let this page copy: save it instead.";
      return;
    }
    isDone.value = true;
    setTimeout(() => {
      isDone.value = false;
    }, TICK);
  };
  return (
    <button
      type="button"
      class={name ? "small" : "icon tiny"}
      aria-label={label}
      title={label}
      onClick={copy}
    >
      <Icon name={isDone.value ? "check" : "copy"} /> {name}
    </button>
  );
}
