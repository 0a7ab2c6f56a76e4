import { useSignalEffect } from "@preact/signals";
import { notice, tool, trouble } from "../state";
import { look } from "../watch";
import { Icon } from "./icons";

/** Milliseconds a notice stays. */
const STAYS = 7000;

/** What the page has to say: troubles stay for as long as they last, notices for a while. */
export function Notices() {
  useSignalEffect(() => {
    if (!notice.value) return;
    const timer = setTimeout(() => {
      notice.value = "";
    }, STAYS);
    return () => clearTimeout(timer);
  });
  return (
    <div class="notices" aria-live="polite">
      {trouble.value && (
        <div class="notice trouble" role="alert">
          <Icon name="warning" />
          <p>
            <strong>{trouble.value.message}</strong> {trouble.value.remedy}
          </p>
          <button type="button" onClick={() => look()}>
            Ask now
          </button>
        </div>
      )}
      {tool.value === "box" && (
        <div class="notice">
          <p>Drag over the map to draw a box.</p>
          <button
            type="button"
            onClick={() => {
              tool.value = "look";
            }}
          >
            Cancel
          </button>
        </div>
      )}
      {notice.value && (
        <div class="notice">
          <p>{notice.value}</p>
        </div>
      )}
    </div>
  );
}

export function Unsupported() {
  return (
    <div class="unsupported" role="alert">
      <h1>GeoTessera</h1>
      <p>
        This browser cannot draw the map: it needs WebGL 2. The catalogue itself is at{" "}
        <a href="api/">api/</a>.
      </p>
    </div>
  );
}
