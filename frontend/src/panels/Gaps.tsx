import { PALETTES } from "../domain/colors";
import { count } from "../domain/format";
import { gaps } from "../domain/health";
import { chosen, stores, theme } from "../state";
import { Swatch } from "./Legend";

const KINDS = ["missing", "stale", "incomplete"] as const;

/** What each store lacks, over all years: a table with bars in it. */
export function Gaps() {
  const dataset = chosen.value?.dataset;
  if (!dataset) return null;
  const colors = PALETTES[theme.value];
  const rows = stores.value.flatMap(({ name, title }) => {
    const copies = dataset.total.stores[name];
    return copies ? [{ name, title, copies }] : [];
  });
  const most = Math.max(1, ...rows.map(({ copies }) => gaps(copies)));
  return (
    <section aria-labelledby="gaps">
      <h2 id="gaps">
        Gaps by store <small>all years</small>
      </h2>
      <table class="gaps">
        <thead>
          <tr>
            {KINDS.map((kind) => (
              <th key={kind} scope="col">
                <Swatch color={colors[kind]} /> {kind}
              </th>
            ))}
          </tr>
        </thead>
        {rows.map(({ name, title, copies }) => (
          <tbody key={name}>
            <tr>
              <th scope="rowgroup" colSpan={3}>
                {title}
              </th>
            </tr>
            <tr>
              <td colSpan={3}>
                <svg aria-hidden="true" viewBox={`0 0 ${most} 1`} preserveAspectRatio="none">
                  {KINDS.map((kind, index) => (
                    <rect
                      key={kind}
                      x={KINDS.slice(0, index).reduce((sum, each) => sum + copies[each], 0)}
                      width={copies[kind]}
                      height="1"
                      fill={colors[kind]}
                    />
                  ))}
                </svg>
              </td>
            </tr>
            <tr>
              {KINDS.map((kind) => (
                <td key={kind}>{count(copies[kind])}</td>
              ))}
            </tr>
          </tbody>
        ))}
      </table>
    </section>
  );
}
