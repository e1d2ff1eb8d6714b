import { Page } from "../ui/page";
import { words } from "../words";

export function RunsPage() {
  return <Page title={words().runs.title} />;
}
