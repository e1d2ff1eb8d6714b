import { Page } from "../ui/page";
import { words } from "../words";

export function SettingsPage() {
  return <Page title={words().settings.title} />;
}
