/* main.c - `recsys`: the library on the command line. Finds the command, runs it, and turns its status into an exit
 * status: 0 done, 1 failed, 2 the command line was wrong.
 *
 * The program uses the public API alone, so each command is also an example: open the file of its name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "outfile.h"

typedef struct command {
    const char *name;
    int bit;
    int64_t least, most; /* operands */
    recsys_status (*run)(program *p);
    const char *operands;
    const char *summary;
    const char *example;
} command;

static const command COMMANDS[] = {
    { "models", FOR_MODELS, 0, 0, command_models, "", "list the kinds of models", "recsys models" },
    { "optimizers", FOR_OPTIMIZERS, 0, 0, command_optimizers, "", "list the kinds of optimizers", "recsys optimizers" },
    { "devices", FOR_DEVICES, 0, 0, command_devices, "", "list what the library can compute on", "recsys devices" },
    { "params", FOR_PARAMS, 1, 1, command_params, "NAME", "list the parameters of a kind of model or optimizer",
      "recsys params ease" },
    { "stats", FOR_STATS, 1, INT64_MAX, command_stats, "FILE...", "describe a file of events",
      "recsys stats events.tsv.gz --columns user,item,value,time" },
    { "split", FOR_SPLIT, 1, INT64_MAX, command_split, "FILE...", "cut events into training, validation and test data",
      "recsys split events.tsv --duplicates first --k-core 5 --method random-per-user --seed 1 --out parts" },
    { "train", FOR_TRAIN, 1, 1, command_train, "NAME", "train a model and save it",
      "recsys train ease --train train.tsv --columns user,item --params l2=80 --out model.safetensors" },
    { "tune", FOR_TUNE, 1, 1, command_tune, "NAME", "search for the parameters that rank validation data best",
      "recsys tune ease --train train.tsv --valid valid.tsv --columns user,item --search l2=log:1..10000 --trials 20 --out best.safetensors" },
    { "evaluate", FOR_EVALUATE, 1, 1, command_evaluate, "MODEL", "measure how well a model ranks what users did next",
      "recsys evaluate model.safetensors --test test.tsv --columns user,item --cutoffs 5,20" },
    { "recommend", FOR_RECOMMEND, 1, 1, command_recommend, "MODEL", "list the best items for users, known or new",
      "recsys recommend model.safetensors --history 17,602 --items items.tsv" },
    { "similar", FOR_SIMILAR, 1, 1, command_similar, "MODEL", "list the items most similar to an item",
      "recsys similar model.safetensors --item 17 --items items.tsv" },
    { "inspect", FOR_INSPECT, 1, 1, command_inspect, "MODEL", "show what is in a model file", "recsys inspect model.safetensors" },
    { "export", FOR_EXPORT, 1, 1, command_export, "MODEL", "write a tensor of a model as .npy, or its ids as text",
      "recsys export model.safetensors --tensor item_weights --out weights.npy" },
};

enum { N_COMMANDS = sizeof COMMANDS / sizeof COMMANDS[0] };

static void print_usage(FILE *file)
{
    fputs("usage: recsys COMMAND ...\n\n", file);
    for (int i = 0; i < N_COMMANDS; i++) fprintf(file, "  %-10s  %s\n", COMMANDS[i].name, COMMANDS[i].summary);
    fputs("\n`recsys help COMMAND` explains a command and its options; `recsys --version` prints versions.\n",
          file);
}

static void print_command(FILE *file, const command *c)
{
    fprintf(file, "usage: recsys %s%s%s%s\n\nrecsys %s: %s.\n\nExample:\n  %s\n", c->name, *c->operands != '\0' ? " " : "",
            c->operands, " [OPTION]...", c->name, c->summary, c->example);
    options_print(file, c->bit);
}

static const command *find_command(const char *name)
{
    const char *names[N_COMMANDS + 2];
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(name, COMMANDS[i].name) == 0) return &COMMANDS[i];
        names[i] = COMMANDS[i].name;
    }
    names[N_COMMANDS] = "help";
    names[N_COMMANDS + 1] = NULL;
    const char *nearest = nearest_word(name, names);
    if (nearest != NULL) fprintf(stderr, "recsys: no command \"%s\"; did you mean \"%s\"?\n", name, nearest);
    else fprintf(stderr, "recsys: no command \"%s\"; `recsys help` lists them\n", name);
    return NULL;
}

static int print_version(void)
{
    printf("recsys %s\n%s\n", recsys_version(), recsys_build_info());
    return 0;
}

/* Says what went wrong, in the program's own words or the library's, and gives the exit status. */
static int report(program *p, const command *c, recsys_status status)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    progress_end(&p->progress);
    if (status == RECSYS_OK) return 0;
    if (p->message[0] == '\0' && p->exec != NULL) recsys_exec_last_error(p->exec, &error);
    const char *message = p->message[0] != '\0' ? p->message : error.message;
    if (status == RECSYS_ERR_CANCELLED && p->message[0] == '\0') message = "cancelled";
    if (message[0] == '\0') message = recsys_status_text(status);
    fprintf(stderr, "recsys: %s: %s\n", c->name, message);
    if (p->usage) fprintf(stderr, "`recsys help %s` lists the options\n", c->name);
    return p->usage ? 2 : 1;
}

static recsys_status run(program *p, const command *c, int argc, char **argv, int *help)
{
    char message[512];
    p->argc = argc;
    p->argv = argv;
    if (!settings_parse(&p->settings, c->bit, argc, argv, help, message, sizeof message))
        return program_usage(p, "%s", message);
    if (*help) {
        print_command(stdout, c);
        return RECSYS_OK;
    }
    int64_t given = p->settings.operands.count;
    if (given < c->least) return program_usage(p, "%s is missing", c->operands);
    if (given > c->most) return program_usage(p, "one operand too many: \"%s\"", p->settings.operands.word[c->most]);
    recsys_status status = outputs_check(p, c->bit);
    if (status == RECSYS_OK) status = program_open(p);
    if (status == RECSYS_OK) status = c->run(p);
    if (status == RECSYS_OK && (fflush(stdout) != 0 || ferror(stdout)))
        status = program_fail(p, RECSYS_ERR_IO, "cannot write to standard output");
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0) return print_version();
    int asks_help = strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
    if (asks_help && argc == 2) {
        print_usage(stdout);
        return 0;
    }
    const command *c = find_command(argv[asks_help ? 2 : 1]);
    if (c == NULL) return 2;
    if (asks_help) {
        print_command(stdout, c);
        return 0;
    }
    program p;
    int help;
    memset(&p, 0, sizeof p);
    settings_init(&p.settings);
    recsys_status status = run(&p, c, argc - 2, argv + 2, &help);
    int exit_status = report(&p, c, status);
    program_close(&p);
    return exit_status;
}
