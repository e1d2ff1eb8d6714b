// A table of settings: things, what is known of each, and at the end of a row what can be done with it.
import type { ComponentChildren } from "preact";

export function DeedTable<T extends { id: string }>(props: {
  label: string;
  heads: readonly string[];
  /** What the last column is for, to those who do not see its buttons. */
  deedsHead: string;
  rows: readonly T[];
  /** The cells of a row, one for each head. */
  cells: (row: T) => ComponentChildren;
  deeds: (row: T) => ComponentChildren;
}) {
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={props.label}>
      <table>
        <thead>
          <tr>
            {props.heads.map((head) => (
              <th key={head}>{head}</th>
            ))}
            <th>
              <span class="visually-hidden">{props.deedsHead}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={row.id}>
              {props.cells(row)}
              <td class="row-actions">{props.deeds(row)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
