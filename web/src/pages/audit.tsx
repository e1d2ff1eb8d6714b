import { Page } from "../ui/page";
import { words } from "../words";

export function AuditPage() {
  return <Page title={words().audit.title} />;
}
