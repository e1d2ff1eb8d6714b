// Tabs are links: the address says which one is open.
import { href } from "../base/url";

export interface TabLink {
  key: string;
  text: string;
  to: string;
  count?: number | undefined;
}

export function Tabs({ tabs, current, label }: { tabs: readonly TabLink[]; current: string; label: string }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.key} href={href(tab.to)} aria-current={tab.key === current ? "page" : undefined}>
          {tab.text}
          {tab.count !== undefined && <span class="count">{tab.count}</span>}
        </a>
      ))}
    </nav>
  );
}
