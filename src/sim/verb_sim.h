/* sereno sim world: measures what the seeds claim of the world jobs (docs/impact.md). */
#pragma once

int verb_sim(int argc, char **argv);
