import { MODES, TITLES } from "../domain/modes";
import { show, view } from "../state";

export function Modes() {
  return (
    <fieldset class="segments">
      <legend class="hidden">What the colours tell</legend>
      {MODES.map((mode) => (
        <label key={mode}>
          <input
            type="radio"
            name="mode"
            value={mode}
            checked={view.value.mode === mode}
            onChange={() => show({ mode })}
          />
          <span>{TITLES[mode]}</span>
        </label>
      ))}
    </fieldset>
  );
}
