/* options.c - the table of options, and what is made of it: parsing, help, hints.
 *
 * An option is one line of the table: its name, the word for its value in the help, the commands that take it, the kind
 * of its value, where the value goes, and a line of help. `--name value` and `--name=value` are the same.
 * Numbers are read with strtod(): the program never calls setlocale(), so a decimal point is a point.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <recsys/recsys.h>

enum {
    READING = FOR_STATS | FOR_SPLIT | FOR_TRAIN | FOR_TUNE | FOR_EVALUATE | FOR_RECOMMEND,
    FILTERS = FOR_STATS | FOR_SPLIT | FOR_TRAIN | FOR_TUNE,
    WITH_MODEL = FOR_EVALUATE | FOR_RECOMMEND | FOR_SIMILAR | FOR_INSPECT | FOR_EXPORT,
    NAMING = FOR_RECOMMEND | FOR_SIMILAR,
    COMPUTING = FILTERS | WITH_MODEL,
    ALL_COMMANDS = COMPUTING | FOR_MODELS | FOR_PARAMS | FOR_OPTIMIZERS | FOR_DEVICES,
    STEPS = FOR_TRAIN | FOR_TUNE | BY_STEPS,
    STEPS_OF_ONE = FOR_TRAIN | BY_STEPS, /* one training, not many */
    SCORING = FOR_EVALUATE | FOR_RECOMMEND
};

typedef enum kind {
    SWITCH,  /* int32_t: 1 when given */
    CHOICE,  /* int32_t: place among the words of `value` */
    TEXT,    /* const char * */
    TEXTS,   /* words: may come several times */
    WHOLE,   /* int64_t, any */
    COUNT,   /* int64_t, 1 or more */
    NATURAL, /* int64_t, 0 or more */
    SEED,    /* uint64_t */
    BYTES,   /* int64_t: K, M, G are powers of 1024 */
    NUMBER,  /* double */
    NUMBERS  /* numbers: one or more, each 1 or more */
} kind;

typedef struct option {
    const char *name;
    const char *value;
    int commands;
    kind kind;
    size_t offset;
    const char *help;
} option;

/* The words of a CHOICE stand in the order of the library's numbers, so that the place of a word is its number. */
_Static_assert(RECSYS_HEADER_AUTO == 0 && RECSYS_HEADER_NO == 1 && RECSYS_HEADER_YES == 2, "--header");
_Static_assert(RECSYS_ID_AUTO == 0 && RECSYS_ID_INT == 1 && RECSYS_ID_STRING == 2, "--id-type");
_Static_assert(RECSYS_DUPLICATES_FIRST == 1 && RECSYS_DUPLICATES_LAST == 2 && RECSYS_DUPLICATES_MAX == 3 &&
                   RECSYS_DUPLICATES_SUM == 4 && RECSYS_DUPLICATES_ERROR == 5, "--duplicates");
_Static_assert(RECSYS_SPLIT_RANDOM == 0 && RECSYS_SPLIT_RANDOM_PER_USER == 1 && RECSYS_SPLIT_LAST_PER_USER == 2 &&
                   RECSYS_SPLIT_BY_TIME == 3 && RECSYS_SPLIT_STRONG == 4, "--method");
_Static_assert(RECSYS_COLD_SKIP == 0 && RECSYS_COLD_MODEL == 1 && RECSYS_COLD_MISS == 2, "--cold");
_Static_assert(RECSYS_VERIFY_ALL == 0 && RECSYS_VERIFY_HEADER == 1, "--verify");
_Static_assert(RECSYS_LOG_ERROR == 1 && RECSYS_LOG_WARNING == 2 && RECSYS_LOG_INFO == 3 && RECSYS_LOG_TRACE == 4, "--log-level");

#define AT(field) offsetof(settings, field)

/* A line without `value` and `help` texts of its own begins a group: `name` is its heading. */
static const option OPTIONS[] = {
    { "Data", NULL, 0, SWITCH, 0, NULL },
    { "train", "FILE", FOR_TRAIN | FOR_TUNE, TEXTS, AT(train), "events to train on; may come several times" },
    { "valid", "FILE", FOR_TUNE, TEXTS, AT(valid),
      "events held out of training, which trials are compared by; read like those of --train; may come several times" },
    { "valid", "FILE", STEPS_OF_ONE, TEXTS, AT(valid),
      "events held out of training, which choose the best model; read like those of --train; may come several times" },
    { "verified", "FILE", STEPS, TEXTS, AT(verified), "events known to be clean, for --warm-up, --fine-tune and colliding inference" },
    { "train", "FILE", SCORING, TEXTS, AT(train),
      "what is known when scoring, history and mask, in place of what the model holds; may come several times" },
    { "test", "FILE", FOR_EVALUATE, TEXTS, AT(test), "what users did next; may come several times" },
    { "mask", "FILE", FOR_EVALUATE, TEXTS, AT(mask), "masked only: never in a list, but no history; may come several times" },

    { "Reading", NULL, 0, SWITCH, 0, NULL },
    { "format", "WORD", READING, TEXT, AT(format), "delimited (default), movielens (a folder), adjacency, rating, negative, negative-candidates; "
      "default for *.rating and *.negative: rating and negative" },
    { "columns", "WORDS", READING, TEXT, AT(columns),
      "what the columns hold: user,item,value,time,behaviour,session,flag or _ to skip; or name=word by the header; rows of features: "
      "feature,feature,label, or feature*20,label" },
    { "separator", "S", READING, TEXT, AT(separator), "between columns, one or more characters, or tab; default: found in the first line" },
    { "header", "auto|no|yes", READING, CHOICE, AT(header), "whether the first line names the columns" },
    { "id-type", "auto|int|string", READING, CHOICE, AT(id_type), "what ids are; auto: decided by the first line" },
    { "duplicates", "keep|first|last|max|sum|error", READING, CHOICE, AT(duplicates),
      "when a user and an item meet again (after the filters below)" },
    { "users", "N|FILE", READING, TEXT, AT(users), "ids known without events: a count (0 to N-1) or a file of ids" },
    { "items", "N|FILE", READING & ~FOR_RECOMMEND, TEXT, AT(items), "likewise for items: a count or an item table" },
    { "items", "FILE", NAMING, TEXT, AT(names), "an item table or a MovieLens folder: the names to print" },
    { "user-columns", "WORDS", READING, TEXT, AT(user_columns),
      "what the user file holds: user,name,features, another word for a feature table of its own, _ to skip" },
    { "item-columns", "WORDS", READING | FOR_SIMILAR, TEXT, AT(item_columns),
      "what the item table holds: item,name,features, another word for a feature table of its own, _ to skip" },

    { "Filters", NULL, 0, SWITCH, 0, NULL },
    { "behaviour", "WORD", FILTERS, TEXT, AT(behaviour), "only events of this behaviour" },
    { "min-value", "X", FILTERS, NUMBER, AT(min_value), "only events of value X or more; the values are then dropped" },
    { "clean", "RULE", FILTERS | FOR_EVALUATE, TEXT, AT(clean),
      "call the events clean for which this holds, such as value>=5 or behaviour==buy, and all others noisy" },
    { "only-clean", NULL, FILTERS | FOR_EVALUATE, SWITCH, AT(only_clean), "only events whose flag is 1; for evaluate: of the test data" },
    { "k-core", "N|U,I", FILTERS, NUMBERS, AT(k_core),
      "only users with N (or U) interactions and items with N (or I) among those left" },

    { "Split", NULL, 0, SWITCH, 0, NULL },
    { "method", "random|random-per-user|last-per-user|by-time|strong", FOR_SPLIT, CHOICE, AT(method),
      "default: random" },
    { "test-share", "X", FOR_SPLIT, NUMBER, AT(test_share), "random: of the events; strong: of the users; default 0.2" },
    { "valid-share", "X", FOR_SPLIT, NUMBER, AT(valid_share), "the same for validation; default: none" },
    { "test-k", "N", FOR_SPLIT, COUNT, AT(test_k), "last-per-user: events for test; default 1" },
    { "valid-k", "N", FOR_SPLIT, COUNT, AT(valid_k), "last-per-user: events for validation; default: none" },
    { "test-time", "T", FOR_SPLIT, WHOLE, AT(test_time), "by-time: first time of the test data" },
    { "valid-time", "T", FOR_SPLIT, WHOLE, AT(valid_time), "by-time: first time of the validation data; default: none" },
    { "fold-in-share", "X", FOR_SPLIT, NUMBER, AT(fold_in_share),
      "strong: share of a held-out user's events kept as history; default 0.8" },
    { "out", "FOLDER", FOR_SPLIT, TEXT, AT(out), "write all parts here, as train.tsv, test.tsv, ..." },
    { "out-train", "FILE", FOR_SPLIT, TEXT, AT(out_train), "write one part; a name that ends in .gz is compressed" },
    { "out-valid", "FILE", FOR_SPLIT, TEXT, AT(out_valid), NULL },
    { "out-test", "FILE", FOR_SPLIT, TEXT, AT(out_test), NULL },
    { "out-valid-history", "FILE", FOR_SPLIT, TEXT, AT(out_valid_history), NULL },
    { "out-test-history", "FILE", FOR_SPLIT, TEXT, AT(out_test_history), NULL },

    { "Training", NULL, 0, SWITCH, 0, NULL },
    { "params", "K=V,K=V", FOR_TRAIN | FOR_TUNE, TEXT, AT(params), "parameters of the model; `recsys params NAME` lists them" },
    { "out", "FILE", FOR_TRAIN, TEXT, AT(out), "where the model goes" },
    { "start", "MODEL", STEPS, TEXTS, AT(start), "start from this model of the same kind; neumf: or twice, from a gmf and an mlp" },
    { "out", "FILE", FOR_TUNE, TEXT, AT(out), "where the best model goes, each time that there is a better one" },
    { "without-histories", NULL, FOR_TRAIN | FOR_TUNE, SWITCH, AT(without_histories), "leave the users' histories out of the model" },
    { "dry-run", NULL, FOR_TRAIN, SWITCH, AT(dry_run), "say what the training would take, and stop" },

    { "Search", NULL, 0, SWITCH, 0, NULL },
    { "search", "K=VALUES,...", FOR_TUNE, TEXT, AT(search),
      "parameters of the model or the optimizer, batch, negatives, popularity; VALUES is a list A/B/C, a range LOW..HIGH or log:LOW..HIGH, "
      "or N values of a range, LOW..HIGH:N" },
    { "method", "random|grid", FOR_TUNE, CHOICE, AT(search_method), "draw the values of each trial (default), or try all combinations" },
    { "trials", "N", FOR_TUNE, COUNT, AT(trials), "how many; default 20; of a grid the most that it may have, default 1000" },
    { "trials-out", "FILE", FOR_TUNE, TEXT, AT(trials_out), "a line of CSV for each trial; if it is there already, the search goes on from it" },

    { "Training by steps", NULL, 0, SWITCH, 0, NULL },
    { "optimizer", "NAME:K=V,K=V", STEPS, TEXT, AT(optimizer),
      "default: adam; `recsys optimizers` lists the kinds, `recsys params NAME` their parameters" },
    { "epochs", "N", STEPS, COUNT, AT(epochs), "passes over the training data; default 10" },
    { "max-steps", "N", STEPS, COUNT, AT(max_steps), "end after so many steps, whatever is left of the epochs" },
    { "batch", "N", STEPS, COUNT, AT(batch), "samples in a step (users, for cdae and dae); default: the model's, mostly 1024" },
    { "negatives", "N", STEPS, NATURAL, AT(n_negatives), "items drawn for each event; default 1, two-tower 3, cdae and dae all others" },
    { "popularity", "A", STEPS, NUMBER, AT(popularity), "draw an item with weight (users who have it)^A; default 0: all alike" },
    { "fixed-negatives", NULL, STEPS, SWITCH, AT(fixed_negatives), "the same negatives in every epoch" },

    { "Choosing the best model", NULL, 0, SWITCH, 0, NULL },
    { "eval-every", "N", STEPS, COUNT, AT(eval_every), "look at the data of --valid every N steps; default: after every epoch" },
    { "select", "METRIC@N|loss", FOR_TUNE, TEXT, AT(select),
      "what is best: a metric of the full ranking of the data of --valid, default NDCG@10, or of models trained by steps their loss" },
    { "select", "loss|METRIC@N", STEPS_OF_ONE, TEXT, AT(select),
      "by the loss on the data of --valid (default), or by a metric of the full ranking, such as NDCG@20" },
    { "patience", "N", STEPS, COUNT, AT(patience), "stop after N looks without a better value; default: never" },
    { "validation-negatives", "both|train", STEPS, CHOICE, AT(validation_negatives),
      "negatives for the loss avoid the user's items in both training and validation data (default), or in training data alone" },

    { "Extra feedback", NULL, 0, SWITCH, 0, NULL },
    { "verified-share", "S", STEPS, NUMBER, AT(verified_share), "in place of --verified: this share of the clean training events, drawn by --seed" },
    { "warm-up", "N", STEPS, COUNT, AT(warm_up), "first N epochs on the verified events, with the plain loss" },
    { "fine-tune", "N", STEPS, COUNT, AT(fine_tune), "in the end N epochs on the verified events, with the plain loss" },
    { "colliding", "K=V,K=V", SCORING, TEXT, AT(colliding),
      "mix each user's scores with those of users alike: colliding=X,neighbours=N,similarity=WORD,colliding_of=WORD; needs --verified" },
    { "verified", "FILE", SCORING, TEXTS, AT(verified), "events known to be clean: the users' likeness is taken from them" },

    { "Checkpoints and curves", NULL, 0, SWITCH, 0, NULL },
    { "checkpoint", "FILE", STEPS_OF_ONE, TEXT, AT(checkpoint), "keep the state of the training here" },
    { "checkpoint-every", "N", STEPS_OF_ONE, COUNT, AT(checkpoint_every), "write it every N steps; default: after every epoch" },
    { "resume", "FILE", STEPS_OF_ONE, TEXT, AT(resume), "go on from this checkpoint, with the options that it was begun with" },
    { "log", "FILE", STEPS_OF_ONE, TEXT, AT(log), "a line of CSV for each epoch and each look at the data of --valid" },
    { "plot", "FILE", STEPS_OF_ONE, TEXT, AT(plot), "draw the same with gnuplot; the name ends in .svg, .png or .pdf" },

    { "Evaluation", NULL, 0, SWITCH, 0, NULL },
    { "cutoffs", "N,N", FOR_EVALUATE, NUMBERS, AT(cutoffs), "lengths of the lists; default 10" },
    { "cold", "skip|model|miss", FOR_EVALUATE, CHOICE, AT(cold), "users whom the model cannot know: left out (default), scored, missed" },
    { "min-ratings", "N", FOR_EVALUATE, COUNT, AT(min_ratings), "skip users with fewer test items" },
    { "ignore-users", "FILE", FOR_EVALUATE, TEXT, AT(ignore_users), "ids of users that take no part, one on a line" },
    { "ignore-items", "FILE", FOR_EVALUATE, TEXT, AT(ignore_items), "ids of items that take no part, one on a line" },
    { "drop-unseen-items", NULL, FOR_EVALUATE, SWITCH, AT(drop_unseen_items), "drop test items that training never saw; default: misses" },
    { "binary-gain", NULL, FOR_EVALUATE, SWITCH, AT(binary_gain), "NDCG: every test item counts 1, whatever its value" },
    { "keep-seen", NULL, FOR_EVALUATE, SWITCH, AT(keep_seen), "items of the history may be in the lists" },
    { "auc", NULL, FOR_EVALUATE, SWITCH, AT(auc), "AUC too: scores every item of every user" },
    { "negatives", "FILE", FOR_EVALUATE, TEXTS, AT(negatives), "rank a user's test items among its items in this file only" },
    { "sample-negatives", "N", FOR_EVALUATE, COUNT, AT(sample_negatives), "rank a user's test items among N items drawn by --seed" },
    { "csv", "FILE", FOR_EVALUATE, TEXT, AT(csv), "write the figures as CSV" },
    { "per-user", "FILE", FOR_EVALUATE, TEXT, AT(per_user), "write the values of every user as CSV" },

    { "Recommendations", NULL, 0, SWITCH, 0, NULL },
    { "user", "ID", FOR_RECOMMEND, TEXTS, AT(user), "for this user; may come several times" },
    { "history", "ID,ID", FOR_RECOMMEND, TEXTS, AT(history), "for someone new who chose these items; may come several times" },
    { "all", NULL, FOR_RECOMMEND, SWITCH, AT(all), "for every user, to the file given by --out" },
    { "rows", "FILE", FOR_RECOMMEND, TEXTS, AT(rows),
      "of a classifier: the classes of these rows and their probabilities; --columns says which are features; may come several times" },
    { "out", "FILE", FOR_RECOMMEND, TEXT, AT(out),
      "a line for each item: user, rank, item, score, name; with --rows row, rank, class, probability; - is standard output" },
    { "item", "ID", FOR_SIMILAR, TEXT, AT(item), "the item to compare with" },
    { "top", "N", NAMING, COUNT, AT(top), "length of the list; default 10" },
    { "show-history", "N", FOR_RECOMMEND, COUNT, AT(show_history), "first list up to N items of the history" },
    { "keep-seen", NULL, FOR_RECOMMEND, SWITCH, AT(keep_seen), "items of the history may be recommended again" },
    { "only-items", "FILE", FOR_RECOMMEND, TEXT, AT(only_items), "recommend only items whose ids are here, one on a line" },
    { "ignore-items", "FILE", FOR_RECOMMEND, TEXT, AT(ignore_items), "recommend none of the items whose ids are here" },

    { "Export", NULL, 0, SWITCH, 0, NULL },
    { "tensor", "NAME", FOR_EXPORT, TEXT, AT(tensor), "the tensor to write as .npy; `recsys inspect` lists them" },
    { "ids", "users|items", FOR_EXPORT, CHOICE, AT(ids), "the ids to write, one on a line, in the order of the tensors' rows" },
    { "out", "FILE", FOR_EXPORT, TEXT, AT(out), "where to write; - is standard output" },

    { "Running", NULL, 0, SWITCH, 0, NULL },
    { "verify", "all|header", WITH_MODEL, CHOICE, AT(verify), "what to check of the model file; default: all checksums" },
    { "seed", "N", FOR_SPLIT | FOR_TRAIN | FOR_TUNE | FOR_EVALUATE, SEED, AT(seed), "of everything random; default 0" },
    { "threads", "N", COMPUTING, COUNT, AT(threads), "default: one for each processor" },
    { "memory", "BYTES", COMPUTING, BYTES, AT(memory), "most memory to use, such as 800M or 4G; default: the machine's" },
    { "device", "NAME", COMPUTING, TEXT, AT(device), "cpu (default), cuda:0, ..., auto; `recsys devices` lists them" },
    { "json", "FILE", ALL_COMMANDS, TEXT, AT(json), "write the outcome as JSON; - is standard output, in place of the table" },
    { "quiet", NULL, ALL_COMMANDS, SWITCH, AT(quiet), "no progress" },
    { "trace", NULL, COMPUTING, SWITCH, AT(trace), "every operation to standard error: shapes, kernel, time, bytes" },
    { "log-level", "default|error|warning|info|trace", COMPUTING, CHOICE, AT(log_level), "what else goes to standard error" },
};

enum { N_OPTIONS = sizeof OPTIONS / sizeof OPTIONS[0] };

static int is_heading(const option *o)
{
    return o->value == NULL && o->help == NULL;
}

void settings_init(settings *s)
{
    memset(s, 0, sizeof *s);
    s->min_value = (double)NAN;
    s->test_share = (double)NAN;
    s->valid_share = (double)NAN;
    s->fold_in_share = (double)NAN;
    s->popularity = (double)NAN;
    s->verified_share = (double)NAN;
    s->n_negatives = NOT_GIVEN;
    s->test_time = NOT_GIVEN;
    s->valid_time = NOT_GIVEN;
    s->top = 10;
    s->ids = -1;
}

void settings_free(settings *s)
{
    free(s->operands.word);
    for (int i = 0; i < N_OPTIONS; i++) {
        char *field = (char *)s + OPTIONS[i].offset;
        if (is_heading(&OPTIONS[i])) continue;
        if (OPTIONS[i].kind == TEXTS) {
            words *w = (words *)(void *)field;
            free(w->word);
            *w = (words){ NULL, 0 };
        }
        if (OPTIONS[i].kind == NUMBERS) {
            numbers *n = (numbers *)(void *)field;
            free(n->number);
            *n = (numbers){ NULL, 0 };
        }
    }
    s->operands = (words){ NULL, 0 };
}

/* ---- hints ---- */

enum { WORD_ROOM = 64 };

/* Letters to insert, delete or replace to turn a into b (Levenshtein); words beyond WORD_ROOM are far from everything. */
static int distance(const char *a, const char *b)
{
    int row[WORD_ROOM + 1];
    size_t m = strlen(a), n = strlen(b);
    if (m > WORD_ROOM || n > WORD_ROOM) return WORD_ROOM;
    for (size_t j = 0; j <= n; j++) row[j] = (int)j;
    for (size_t i = 1; i <= m; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= n; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[n];
}

const char *nearest_word(const char *given, const char *const *list)
{
    const char *nearest = NULL;
    int least = (int)(strlen(given) / 3) + 2; /* further away, a hint would be a guess */
    for (; *list != NULL; list++) {
        int d = distance(given, *list);
        if (d < least) {
            least = d;
            nearest = *list;
        }
    }
    return nearest;
}

/* ---- values ---- */

static int fail(char *message, size_t size, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

static int fail(char *message, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, size, format, arguments);
    va_end(arguments);
    return 0;
}

/* All of `text` as an integer of at least `least`. */
static int read_integer(const char *text, int64_t least, int64_t *value)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || v < least) return 0;
    *value = v;
    return 1;
}

static int read_seed(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || strchr(text, '-') != NULL) return 0;
    *value = v;
    return 1;
}

static int read_number(const char *text, double *value)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(v)) return 0;
    *value = v;
    return 1;
}

/* "1500", "800M", "1.5G": whole bytes, below 2^62. */
static int read_bytes(const char *text, int64_t *value)
{
    char *end;
    double v = strtod(text, &end);
    double unit = 1.0;
    if (end == text) return 0;
    switch (*end) {
    case 'k': case 'K': unit = 1024.0; end++; break;
    case 'm': case 'M': unit = 1048576.0; end++; break;
    case 'g': case 'G': unit = 1073741824.0; end++; break;
    default: break;
    }
    if (*end != '\0' || !(v * unit >= 1.0 && v * unit < 4.0e18)) return 0;
    *value = (int64_t)(v * unit);
    return 1;
}

/* Place of `text` among the words of "a|b|c", or -1. */
static int32_t read_choice(const char *text, const char *list)
{
    size_t length = strlen(text);
    for (int32_t place = 0;; place++) {
        size_t word = strcspn(list, "|");
        if (word == length && strncmp(list, text, word) == 0) return place;
        if (list[word] == '\0') return -1;
        list += word + 1;
    }
}

static int read_numbers(const char *text, numbers *out)
{
    int64_t count = 1;
    for (const char *c = text; *c != '\0'; c++) count += *c == ',';
    int64_t *number = malloc((size_t)count * sizeof *number);
    if (number == NULL) return 0;
    for (int64_t i = 0; i < count; i++) {
        char *end;
        errno = 0;
        long long v = strtoll(text, &end, 10);
        if (end == text || errno != 0 || v < 1 || *end != (i + 1 < count ? ',' : '\0')) {
            free(number);
            return 0;
        }
        number[i] = v;
        text = end + 1;
    }
    free(out->number);
    *out = (numbers){ number, count };
    return 1;
}

static int add_word(words *w, const char *word)
{
    const char **grown = realloc(w->word, (size_t)(w->count + 1) * sizeof *grown);
    if (grown == NULL) return 0;
    w->word = grown;
    w->word[w->count++] = word;
    return 1;
}

/* A name of a file must not be empty, and a count in its place must be one. */
static int check_text(const option *o, const char *text, char *message, size_t size)
{
    int64_t count;
    int is_file = strstr(o->value, "FILE") != NULL || strcmp(o->value, "MODEL") == 0 || strcmp(o->value, "FOLDER") == 0;
    if (is_file && *text == '\0') return fail(message, size, "--%s: the name of a file must not be empty", o->name);
    if (strcmp(o->value, "N|FILE") == 0 && read_integer(text, INT64_MIN, &count) && count < 1)
        return fail(message, size, "--%s: %s: a count must be 1 or more", o->name, text);
    return 1;
}

/* Puts the value where the option wants it. */
static int set(settings *s, const option *o, const char *text, char *message, size_t size)
{
    static const char *const wanted[] = {
        [SWITCH] = "nothing",      [CHOICE] = "one of",   [TEXT] = "a text",      [TEXTS] = "a text",
        [WHOLE] = "an integer",    [COUNT] = "an integer of 1 or more",           [NATURAL] = "an integer of 0 or more",
        [SEED] = "an integer from 0 to 2^64 - 1",
        [BYTES] = "a size such as 800M or 4G",             [NUMBER] = "a number", [NUMBERS] = "integers of 1 or more with commas between",
    };
    void *field = (char *)s + o->offset;
    int good = 1;
    switch (o->kind) {
    case SWITCH: *(int32_t *)field = 1; break;
    case CHOICE: {
        int32_t place = read_choice(text, o->value);
        if (place < 0) return fail(message, size, "--%s: \"%s\" is none of %s", o->name, text, o->value);
        *(int32_t *)field = place;
        break;
    }
    case TEXT:
        if (!check_text(o, text, message, size)) return 0;
        *(const char **)field = text;
        break;
    case TEXTS:
        if (!check_text(o, text, message, size)) return 0;
        good = add_word(field, text);
        break;
    case WHOLE: good = read_integer(text, INT64_MIN + 1, field); break;
    case COUNT: good = read_integer(text, 1, field); break;
    case NATURAL: good = read_integer(text, 0, field); break;
    case SEED: good = read_seed(text, field); break;
    case BYTES: good = read_bytes(text, field); break;
    case NUMBER: good = read_number(text, field); break;
    case NUMBERS: good = read_numbers(text, field); break;
    }
    if (!good) return fail(message, size, "--%s: \"%s\" is not %s", o->name, text, wanted[o->kind]);
    return 1;
}

/* ---- the command line ---- */

/* The option of this name that `command` takes; NULL with a message if there is none. */
static const option *find_option(const char *name, size_t length, int command, char *message, size_t size)
{
    const char *known[N_OPTIONS + 2];
    char given[WORD_ROOM];
    int n_known = 0, elsewhere = 0;
    for (int i = 0; i < N_OPTIONS; i++) {
        const option *o = &OPTIONS[i];
        if (is_heading(o)) continue;
        int same = strlen(o->name) == length && strncmp(o->name, name, length) == 0;
        if (o->commands & command) {
            if (same) return o;
            known[n_known++] = o->name;
        }
        elsewhere |= same;
    }
    known[n_known++] = "help";
    known[n_known] = NULL;
    snprintf(given, sizeof given, "%.*s", (int)length, name);
    const char *nearest = nearest_word(given, known);
    if (elsewhere)
        fail(message, size, "--%s does not belong to this command", given);
    else if (nearest != NULL)
        fail(message, size, "no option --%s; did you mean --%s?", given, nearest);
    else
        fail(message, size, "no option --%s", given);
    return NULL;
}

int settings_parse(settings *s, int command, int argc, char **argv, int *help, char *message, size_t size)
{
    int only_operands = 0;
    *help = 0;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *help = 1;
            return 1;
        }
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            if (!add_word(&s->operands, word)) return fail(message, size, "out of memory");
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_operands = 1;
            continue;
        }
        if (word[1] != '-') return fail(message, size, "no option %s; options begin with two hyphens", word);
        const char *name = word + 2;
        size_t length = strcspn(name, "=");
        const option *o = find_option(name, length, command, message, size);
        if (o == NULL) return 0;
        const char *text = name[length] == '=' ? name + length + 1 : NULL;
        if (o->kind == SWITCH && text != NULL) return fail(message, size, "--%s takes no value", o->name);
        if (o->kind != SWITCH && text == NULL) {
            if (i + 1 == argc) return fail(message, size, "--%s needs a value: %s", o->name, o->value);
            text = argv[++i];
        }
        if (!set(s, o, text, message, size)) return 0;
        if ((o->commands & BY_STEPS) && s->first_by_steps == NULL) s->first_by_steps = o->name;
    }
    return 1;
}

/* A word as a shell reads it back. */
static void print_word(FILE *file, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=,@%+-";
    if (*word != '\0' && word[strspn(word, plain)] == '\0') {
        fputs(word, file);
        return;
    }
    fputc('\'', file);
    for (; *word != '\0'; word++) {
        if (*word == '\'') fputs("'\\''", file);
        else fputc(*word, file);
    }
    fputc('\'', file);
}

void options_print_one(FILE *file, const char *name, const char *value)
{
    fprintf(file, " --%s ", name);
    print_word(file, value);
}

static const option *option_of(const char *name, size_t length, int command)
{
    for (int i = 0; i < N_OPTIONS; i++)
        if (!is_heading(&OPTIONS[i]) && (OPTIONS[i].commands & command) && strlen(OPTIONS[i].name) == length &&
            strncmp(OPTIONS[i].name, name, length) == 0)
            return &OPTIONS[i];
    return NULL;
}

void options_repeat(FILE *file, int from, int to, int argc, char **argv, const char *const *except)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--", 2) != 0) continue;
        const char *name = argv[i] + 2;
        size_t length = strcspn(name, "=");
        const option *o = option_of(name, length, from);
        if (o == NULL) continue;
        const char *value = o->kind == SWITCH ? NULL : name[length] == '=' ? name + length + 1 : ++i < argc ? argv[i] : "";
        int wanted = option_of(name, length, to) != NULL;
        for (const char *const *e = except; *e != NULL; e++) wanted &= strcmp(o->name, *e) != 0;
        if (wanted && value == NULL) fprintf(file, " --%s", o->name);
        if (wanted && value != NULL) options_print_one(file, o->name, value);
    }
}

enum { COLUMN = 28, WIDTH = 100 }; /* of the help texts */

/* Words from column `at` on, with line breaks where they are needed. */
static void print_wrapped(FILE *file, const char *text, int at)
{
    while (*text != '\0') {
        int word = (int)strcspn(text, " ");
        if (at > COLUMN && at + 1 + word > WIDTH) at = fprintf(file, "\n%*s", COLUMN, "") - 1;
        at += fprintf(file, "%s%.*s", at > COLUMN ? " " : "", word, text);
        text += word + (text[word] == ' ');
    }
}

void options_print(FILE *file, int command)
{
    const option *heading = NULL;
    for (int i = 0; i < N_OPTIONS; i++) {
        const option *o = &OPTIONS[i];
        if (is_heading(o)) {
            heading = o;
            continue;
        }
        if (!(o->commands & command)) continue;
        if (heading != NULL) fprintf(file, "\n%s:\n", heading->name);
        heading = NULL;
        int length = fprintf(file, "  --%s%s%s", o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        if (o->help != NULL) {
            if (length >= COLUMN - 1) fprintf(file, "\n%*s", COLUMN, "");
            else fprintf(file, "%*s", COLUMN - length, "");
            print_wrapped(file, o->help, COLUMN);
        }
        fputc('\n', file);
    }
}
