/* `sereno explain`: a schedule in words, with its runs and warnings. Needs no server. Exit codes: 0 ok, 2 usage. */
#pragma once

int cli_explain(int argc, char **argv); /* argv[0] is the verb */
