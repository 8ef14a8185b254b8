/* rows.c - what a classifier says of the rows of features in a file.
 *
 * Rows are asked about in blocks, so that a file of any length takes little memory beyond itself. F features of a row.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <stdlib.h>

#include "data.h"
#include "json.h"
#include "names.h"

enum { MOST_ROWS = 4096, MOST_NUMBERS = 1 << 22 };

typedef struct block {
    recsys_dataset *data;
    int64_t n_features, k, rows; /* rows: room */
    int64_t *column;             /* F */
    float *features, *score;     /* rows x F, rows x k */
    int64_t *item;               /* rows x k */
    recsys_query *query;
    outfile out;                 /* with --out */
    json json;                   /* without */
} block;

static void release(block *b)
{
    recsys_dataset_release(b->data);
    free(b->column);
    free(b->features);
    free(b->score);
    free(b->item);
    free(b->query);
}

static recsys_status make_room(program *p, block *b, int64_t k)
{
    recsys_feature_info info = RECSYS_FEATURE_INFO_INIT;
    recsys_status status = recsys_dataset_user_feature_info(b->data, 0, &info);
    if (status != RECSYS_OK) return status;
    b->k = k;
    b->n_features = info.n_features;
    b->rows = MOST_NUMBERS / (info.n_features + k);
    if (b->rows > MOST_ROWS) b->rows = MOST_ROWS;
    if (b->rows < 1) b->rows = 1;
    b->column = program_alloc(p, b->n_features, sizeof *b->column);
    b->features = program_alloc(p, b->rows * b->n_features, sizeof *b->features);
    b->score = program_alloc(p, b->rows * k, sizeof *b->score);
    b->item = program_alloc(p, b->rows * k, sizeof *b->item);
    b->query = program_alloc(p, b->rows, sizeof *b->query);
    int good = b->column != NULL && b->features != NULL && b->score != NULL && b->item != NULL && b->query != NULL;
    return good ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
}

/* Rows first to first + n - 1 as queries. */
static recsys_status take_rows(block *b, int64_t first, int64_t n)
{
    recsys_status status = RECSYS_OK;
    for (int64_t r = 0; r < n && status == RECSYS_OK; r++) {
        float *row = b->features + r * b->n_features;
        int64_t count;
        status = recsys_dataset_user_features(b->data, 0, first + r, b->column, row, b->n_features, &count);
        b->query[r] = (recsys_query)RECSYS_QUERY_INIT;
        b->query[r].parts = RECSYS_QUERY_FEATURES;
        b->query[r].features = row;
        b->query[r].n_features = b->n_features;
    }
    return status;
}

/* "row 7: setosa 0.9832, versicolor 0.0168", and the same in JSON. */
static void show_row(program *p, block *b, const recsys_ids *classes, int64_t row, int64_t r)
{
    const recsys_ids *rows = recsys_dataset_users(b->data);
    char *id = id_text(rows, row);
    program_say(p, "row %s:", id != NULL ? id : "?");
    free(id);
    json_begin(&b->json, NULL, '{');
    json_id(&b->json, "row", rows, row);
    json_begin(&b->json, "classes", '[');
    for (int64_t c = 0; c < b->k && b->item[r * b->k + c] >= 0; c++) {
        int64_t at = r * b->k + c;
        char *class = id_text(classes, b->item[at]);
        program_say(p, "%s %s %.4f", c > 0 ? "," : "", class != NULL ? class : "?", (double)b->score[at]);
        free(class);
        json_begin(&b->json, NULL, '{');
        json_id(&b->json, "class", classes, b->item[at]);
        json_number(&b->json, "probability", (double)b->score[at]);
        json_end(&b->json, '}');
    }
    program_say(p, "\n");
    json_end(&b->json, ']');
    json_end(&b->json, '}');
}

/* Row, rank, class, probability, with tabs between. */
static void write_row(block *b, const recsys_ids *classes, int64_t row, int64_t r)
{
    char *id = id_text(recsys_dataset_users(b->data), row);
    for (int64_t c = 0; c < b->k && b->item[r * b->k + c] >= 0; c++) {
        char *class = id_text(classes, b->item[r * b->k + c]);
        outfile_field(&b->out, id != NULL ? id : "?");
        fprintf(b->out.file, "\t%lld\t", (long long)c + 1);
        outfile_field(&b->out, class != NULL ? class : "?");
        fprintf(b->out.file, "\t%.9g\n", (double)b->score[r * b->k + c]);
        free(class);
    }
    free(id);
}

static recsys_status classify_all(program *p, const recsys_model *model, const recsys_topk_options *options, block *b)
{
    const recsys_ids *classes = recsys_model_items(model);
    int64_t n_rows = recsys_ids_count(recsys_dataset_users(b->data));
    recsys_status status = RECSYS_OK;
    for (int64_t first = 0; first < n_rows && status == RECSYS_OK; first += b->rows) {
        int64_t n = n_rows - first < b->rows ? n_rows - first : b->rows;
        status = take_rows(b, first, n);
        if (status == RECSYS_OK) status = recsys_model_topk(model, p->exec, b->query, n, b->k, options, b->item, b->score);
        progress_end(&p->progress);
        for (int64_t r = 0; r < n && status == RECSYS_OK; r++) {
            if (b->out.file != NULL) write_row(b, classes, first + r, r);
            else show_row(p, b, classes, first + r, r);
        }
        if (status == RECSYS_OK && program_interrupted()) status = RECSYS_ERR_CANCELLED;
    }
    return status;
}

recsys_status rows_classify(program *p, const recsys_model *model, const recsys_topk_options *options, int64_t k)
{
    const settings *s = &p->settings;
    block b = { .out = OUTFILE_INIT, .json = JSON_INIT };
    recsys_status status = data_read(p, &s->rows, RECSYS_ID_AUTO, &b.data);
    if (status == RECSYS_OK) status = make_room(p, &b, k);
    if (status == RECSYS_OK) status = s->out != NULL ? outfile_open(p, &b.out, s->out) : json_open(p, &b.json, s->json);
    if (status == RECSYS_OK) {
        int64_t n_rows = recsys_ids_count(recsys_dataset_users(b.data));
        json_text(&b.json, "model", recsys_model_name(model));
        json_begin(&b.json, "rows", '[');
        status = classify_all(p, model, options, &b);
        json_end(&b.json, ']');
        status = s->out != NULL ? outfile_close(p, &b.out, status) : json_close(p, &b.json, status);
        if (status == RECSYS_OK && s->out != NULL)
            program_say(p, "%s: up to %lld classes for each of %lld rows\n", s->out, (long long)k, (long long)n_rows);
    }
    release(&b);
    return status;
}
