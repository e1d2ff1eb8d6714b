import { Page } from "../ui/page";
import { words } from "../words";

export function AlertsPage() {
  return <Page title={words().alerts.title} />;
}
