/* `sereno serve`: boots in a visible order, serves, stops. */
#pragma once
int serve_main(int argc, char **argv); /* argv[0] is the verb; the exit code */
