import { Page } from "../ui/page";
import { words } from "../words";

export function WorldsPage() {
  return <Page title={words().worlds.title} />;
}
