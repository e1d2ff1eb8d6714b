/* Until the real ones land: weak. */
#include "live/live.h"
enum err live_open(const struct live_config *config, struct live **ret, struct err_detail *detail);
[[gnu::weak]] enum err live_open(const struct live_config *config, struct live **ret,
                                 struct err_detail *detail) {
  (void)config, (void)ret;
  return err_set(detail, ERR_UNAVAILABLE, "live", 0, "not built");
}
[[gnu::weak]] void live_close(struct live *l) { (void)l; }
