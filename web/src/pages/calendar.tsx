import { Page } from "../ui/page";
import { words } from "../words";

export function CalendarPage() {
  return <Page title={words().calendar.title} />;
}
