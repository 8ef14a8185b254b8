/* movielens.c - tests of the MovieLens reader on small files in each of the layouts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <zlib.h>

#include "dump.h"

static void write_file(const fixture *f, const char *name, const char *text)
{
    char path[TEST_PATH_ROOM];
    test_write_text(fixture_path(f, name, path), text);
}

static void write_packed(const fixture *f, const char *name, const char *text)
{
    char path[TEST_PATH_ROOM];
    gzFile file = gzopen(fixture_path(f, name, path), "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), (int)strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
}

static recsys_status read_movielens(const fixture *f, const char *path, recsys_dataset **d)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.format = "movielens";
    return recsys_dataset_read(f->exec, path, &options, d);
}

static recsys_dataset *read_folder(const fixture *f)
{
    recsys_dataset *d = NULL;
    expect_ok(f->exec, read_movielens(f, f->folder, &d));
    return d;
}

static void assert_name(const recsys_dataset *d, const char *item, const char *expected)
{
    const char *name = recsys_dataset_item_name(d, recsys_ids_find(recsys_dataset_items(d), item));
    if (!expected) {
        assert_null(name);
    } else {
        assert_non_null(name);
        assert_string_equal(name, expected);
    }
}

static void assert_table(const recsys_dataset *d, int64_t table, const char *name, int64_t n_features, int64_t n_occurrences,
                         int min, int max)
{
    recsys_feature_info info = RECSYS_FEATURE_INFO_INIT;
    assert_int_equal(recsys_dataset_feature_info(d, table, &info), RECSYS_OK);
    assert_string_equal(info.name, name);
    assert_int_equal(info.n_features, n_features);
    assert_int_equal(info.n_occurrences, n_occurrences);
    assert_int_equal((int)info.value_min, min);
    assert_int_equal((int)info.value_max, max);
}

/* ---- 100K ---- */

static const char flags_100k[] = "|0|0|1|1|0|0";

static void write_100k(const fixture *f)
{
    char items[1024];
    write_file(f, "u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t302\t1\t878887116\n");
    write_file(f, "u.genre", "unknown|0\nAction|1\nAnimation|2\nChildren's|3\nComedy|4\nDrama|5\n\n");
    snprintf(items, sizeof items,
             "242|Kolya (1996)|24-Jan-1997||http://us.imdb.com/M/title-exact?Kolya%%20(1996)|0|0|0|0|1|0\n"
             "302|Toy Story (1995)|01-Jan-1995||http://x%s\n"
             "267|unknown||||1|0|0|0|0|0\n"
             "7|Caf\xe9 (1998)|||http://y|0|0|0|0|0|1\n",
             flags_100k);
    write_file(f, "u.item", items);
}

static void check_100k(fixture *f, const recsys_dataset *d)
{
    assert_events(f, d, "196 242 3 881250949\n186 302 3 891717742\n196 302 1 878887116\n");
    assert_ids(recsys_dataset_items(d), "242 302 267 7 "); /* all that the catalogue knows, rated or not */
    assert_name(d, "302", "Toy Story (1995)");
    assert_name(d, "7", "Caf\xc3\xa9 (1998)"); /* Latin-1 turned into UTF-8 */
    assert_int_equal(recsys_dataset_feature_count(d), 2);
    assert_table(d, 0, "genres", 6, 5, 1, 1);
    assert_features(d, 0, "302", "Animation=1 Children's=1 ");
    assert_features(d, 0, "267", "unknown=1 ");
    assert_table(d, 1, "year", 1, 3, 1995, 1998);
    assert_features(d, 1, "242", "year=1997 "); /* of the release, not of the title */
    assert_features(d, 1, "7", "year=1998 ");   /* no release date: of the title */
    assert_features(d, 1, "267", "");
}

static void test_100k(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_100k(&f);
    recsys_dataset *d = read_folder(&f);
    check_100k(&f, d);
    recsys_dataset_release(d);
    char path[TEST_PATH_ROOM];
    expect_ok(f.exec, read_movielens(&f, fixture_path(&f, "u.data", path), &d));
    check_100k(&f, d);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_published_split(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_100k(&f);
    write_file(&f, "u1.base", "1\t242\t5\t10\n2\t302\t4\t11\n");
    write_file(&f, "u1.test", "2\t7\t1\t12\n");
    char base[TEST_PATH_ROOM], test[TEST_PATH_ROOM];
    const char *const paths[] = { fixture_path(&f, "u1.base", base), fixture_path(&f, "u1.test", test) };
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.format = "movielens";
    recsys_dataset *parts[2] = { NULL, NULL };
    expect_ok(f.exec, recsys_dataset_read_parts(f.exec, paths, 2, &options, parts));
    assert_events(&f, parts[0], "1 242 5 10\n2 302 4 11\n");
    assert_events(&f, parts[1], "2 7 1 12\n");
    assert_ptr_equal(recsys_dataset_items(parts[0]), recsys_dataset_items(parts[1]));
    assert_name(parts[1], "242", "Kolya (1996)");
    recsys_dataset_release(parts[0]);
    recsys_dataset_release(parts[1]);
    fixture_close(&f);
}

/* A universe of items that the caller gives stays as it is; the movies in it get their names. */
static void test_options_of_ids(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_100k(&f);
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.format = "movielens";
    options.items = "303";
    options.id_type = RECSYS_ID_STRING;
    recsys_dataset *d = NULL;
    expect_ok(f.exec, recsys_dataset_read(f.exec, f.folder, &options, &d));
    assert_int_equal(recsys_ids_type(recsys_dataset_items(d)), RECSYS_ID_STRING);
    assert_int_equal(recsys_ids_count(recsys_dataset_items(d)), 303);
    assert_name(d, "302", "Toy Story (1995)");
    assert_name(d, "301", NULL);
    assert_features(d, 0, "302", "Animation=1 Children's=1 ");
    recsys_dataset_release(d);
    options.items = "250";
    d = NULL;
    expect_error(f.exec, recsys_dataset_read(f.exec, f.folder, &options, &d), RECSYS_ERR_UNKNOWN_ID, "u.data:2|302");
    assert_null(d);
    fixture_close(&f);
}

/* ---- 1M, 10M ---- */

static void test_1m(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_file(&f, "ratings.dat", "1::1193::5::978300760\n2::661::3::978302109\n");
    write_file(&f, "movies.dat",
               "661::James and the Giant Peach (1996)::Animation|Children's|Musical\n"
               "1193::One Flew Over the Cuckoo's Nest (1975)::Drama\n"
               "73::Mis\xe9rables, Les (1995)::Drama|Musical\n");
    write_file(&f, "users.dat", "1::F::1::10::48067\n2::M::56::16::70072\n");
    recsys_dataset *d = read_folder(&f);
    assert_events(&f, d, "1 1193 5 978300760\n2 661 3 978302109\n");
    assert_ids(recsys_dataset_items(d), "661 1193 73 ");
    assert_name(d, "73", "Mis\xc3\xa9rables, Les (1995)");
    assert_int_equal(recsys_dataset_feature_count(d), 2);
    assert_table(d, 0, "genres", 4, 6, 1, 1);
    assert_features(d, 0, "73", "Musical=1 Drama=1 ");
    assert_table(d, 1, "year", 1, 3, 1975, 1996);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_10m(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_packed(&f, "ratings.dat.gz", "1::122::5::838985046\n1::185::4.5::838983525\n3::122::0.5::838983392\n");
    write_file(&f, "movies.dat",
               "122::Boomerang (1992)::Comedy|Romance\n"
               "185::Net, The::a sequel (1995)::Action\n"
               "8606::Pull My Daisy (1958)::(no genres listed)\n"
               "9::Caf\xc3\xa9 Lumi\xc3\xa8re::Drama\n");
    write_packed(&f, "tags.dat.gz",
                 "15::122:: funny  movie::1215184630\n"
                 "20::122::funny  movie::1188263867\n"
                 "20::185::a::b::1188263867\n"
                 "21::122::Funny::1205081506\n"
                 "21::9::  ::1205081506\n");
    recsys_dataset *d = read_folder(&f);
    assert_events(&f, d, "1 122 5 838985046\n1 185 4.5 838983525\n3 122 0.5 838983392\n");
    assert_ids(recsys_dataset_items(d), "122 185 8606 9 ");
    assert_name(d, "185", "Net, The::a sequel (1995)");
    assert_name(d, "9", "Caf\xc3\xa9 Lumi\xc3\xa8re");
    assert_int_equal(recsys_dataset_feature_count(d), 3);
    assert_table(d, 0, "genres", 4, 4, 1, 1);
    assert_features(d, 0, "8606", "");
    assert_table(d, 1, "year", 1, 3, 1958, 1995);
    assert_features(d, 1, "9", "");
    assert_table(d, 2, "tags", 3, 3, 1, 2);
    assert_features(d, 2, "122", "funny  movie=2 Funny=1 ");
    assert_features(d, 2, "185", "a::b=1 ");
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- 20M, latest ---- */

static void test_latest(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_file(&f, "ratings.csv", "userId,movieId,rating,timestamp\r\n1,31,2.5,1260759144\r\n2,11,4.0,835355493\r\n");
    write_file(&f, "movies.csv",
               "movieId,title,genres\r\n"
               "11,\"American President, The (1995)\",Comedy|Drama|Romance\r\n"
               "31,\"Say \"\"yes\"\" (1996) \",Drama\r\n"
               "40,Babylon 5,Sci-Fi\r\n"
               "41,\"Death Note (2006\xe2\x80\x93" "2007)\",(no genres listed)\r\n"
               "42,(500) Days of Summer (2009),Comedy\r\n"
               "43,Big Theory (2007-),Comedy\r\n"
               "44,(500) Days,Comedy\r\n"
               "45,Number (19951),Comedy\r\n");
    write_file(&f, "tags.csv", "userId,movieId,tag,timestamp\n"
                               "15,31,\"great, \"\"great\"\"\",1193435061\n15,42,summer,1193435087\n");
    write_file(&f, "links.csv", "movieId,imdbId,tmdbId\n31,1,2\n");
    recsys_dataset *d = read_folder(&f);
    assert_events(&f, d, "1 31 2.5 1260759144\n2 11 4 835355493\n");
    assert_ids(recsys_dataset_items(d), "11 31 40 41 42 43 44 45 ");
    assert_name(d, "11", "American President, The (1995)");
    assert_name(d, "31", "Say \"yes\" (1996)");
    assert_features(d, 0, "11", "Comedy=1 Drama=1 Romance=1 ");
    assert_features(d, 0, "41", "");
    assert_table(d, 1, "year", 1, 5, 1995, 2009);
    assert_features(d, 1, "40", "");
    assert_features(d, 1, "41", "year=2006 ");
    assert_features(d, 1, "42", "year=2009 ");
    assert_features(d, 1, "43", "year=2007 ");
    assert_features(d, 1, "44", "");
    assert_features(d, 1, "45", "");
    assert_features(d, 2, "31", "great, \"great\"=1 ");
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_statistics_text(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_file(&f, "ratings.csv", "userId,movieId,rating,timestamp\n1,31,2.5,100\n2,11,4.0,90\n2,31,0.5,80\n");
    write_file(&f, "movies.csv", "movieId,title,genres\n11,A (1995),Comedy|Drama\n31,B (1996),Drama\n"
                                 "40,C (2001),Comedy\n50,D (2002),Crime\n");
    write_file(&f, "tags.csv", "userId,movieId,tag,timestamp\n1,31,fun,1\n2,31,fun,2\n2,31,long,3\n");
    recsys_dataset *d = read_folder(&f);
    static const char expected[] = "users                   2\n"
                                   "items                   4\n"
                                   "events                  3\n"
                                   "interactions            3\n"
                                   "values                  0.5 to 4\n"
                                   "density                 37.50 %\n"
                                   "interactions per user   min 1, mean 1.50, max 2\n"
                                   "interactions per item   min 0, mean 0.75, max 2\n"
                                   "Gini index of users     0.17\n"
                                   "times                   80 to 100\n"
                                   "features genres         count 3, values 1 to 1, occurrences 5, density 41.67 %\n"
                                   "features year           count 1, values 1995 to 2002, occurrences 4, density 100.00 %\n"
                                   "features tags           count 2, values 1 to 2, occurrences 2, density 25.00 %\n"
                                   "features (all words)    count 5, values 1 to 2, occurrences 7, density 35.00 %\n";
    char buffer[2048];
    int64_t length;
    expect_ok(f.exec, recsys_dataset_statistics_text(d, f.exec, buffer, sizeof buffer, &length));
    assert_string_equal(buffer, expected);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_ratings_alone(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_file(&f, "ratings.dat", "1::30::5::100\n2::20::3::200\n");
    write_file(&f, "tags.dat", "1::30::fun::100\n");
    recsys_dataset *d = read_folder(&f);
    assert_events(&f, d, "1 30 5 100\n2 20 3 200\n");
    assert_ids(recsys_dataset_items(d), "20 30 ");
    assert_int_equal(recsys_dataset_feature_count(d), 0);
    assert_name(d, "20", NULL);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- Bad files ---- */

static void check_error(const fixture *f, recsys_status code, const char *words)
{
    recsys_dataset *d = NULL;
    expect_error(f->exec, read_movielens(f, f->folder, &d), code, words);
    assert_null(d);
}

static void test_missing_files(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    check_error(&f, RECSYS_ERR_FILE_NOT_FOUND, "u.data|ratings.dat|ratings.csv");
    recsys_dataset *d = NULL;
    char path[TEST_PATH_ROOM];
    expect_error(f.exec, read_movielens(&f, fixture_path(&f, "absent", path), &d), RECSYS_ERR_FILE_NOT_FOUND, "absent");
    write_file(&f, "other.txt", "1 2 3\n");
    expect_error(f.exec, read_movielens(&f, fixture_path(&f, "other.txt", path), &d), RECSYS_ERR_PARSE, "other.txt:1");
    write_file(&f, "u.data", "");
    check_error(&f, RECSYS_ERR_EMPTY, NULL);
    fixture_close(&f);
}

static void test_bad_lines(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_file(&f, "ratings.dat", "1::30::5::100\n1::30::five::100\n");
    check_error(&f, RECSYS_ERR_PARSE, "ratings.dat:2|five");
    write_file(&f, "ratings.dat", "1::30::5::100\n");
    write_file(&f, "movies.dat", "30::A (1990)::Drama\n31::B\n");
    check_error(&f, RECSYS_ERR_PARSE, "movies.dat:2|2 cells|3");
    write_file(&f, "movies.dat", "30::A (1990)::Drama\nx31::B::Drama\n");
    check_error(&f, RECSYS_ERR_PARSE, "movies.dat:2|x31");
    write_file(&f, "movies.dat", "30::A (1990)::Drama\n30::B::Drama\n");
    check_error(&f, RECSYS_ERR_DUPLICATE, "movies.dat:2|30");
    write_file(&f, "movies.dat", "20::A (1990)::Drama\n");
    check_error(&f, RECSYS_ERR_UNKNOWN_ID, "ratings.dat:1|30");
    write_file(&f, "movies.dat", "30::A (1990)::Drama\n");
    write_file(&f, "tags.dat", "1::30::fun::7\n1::31::fun::7\n");
    check_error(&f, RECSYS_ERR_UNKNOWN_ID, "tags.dat:2|31");
    write_file(&f, "tags.dat", "1::thirty::fun::7\n");
    check_error(&f, RECSYS_ERR_PARSE, "tags.dat:1|thirty");
    write_file(&f, "tags.dat", "1::30::fun\n");
    check_error(&f, RECSYS_ERR_PARSE, "tags.dat:1|3 cells|4");
    fixture_close(&f);
}

static void test_bad_lines_of_100k(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_100k(&f);
    write_file(&f, "u.item", "302|Toy Story (1995)|01-Jan-1995||http://x|0|0|1|1|0\n");
    check_error(&f, RECSYS_ERR_PARSE, "u.item:1|10 cells|11");
    write_file(&f, "u.item", "302|Toy Story (1995)|01-Jan-1995||http://x|0|0|2|1|0|0\n");
    check_error(&f, RECSYS_ERR_PARSE, "u.item:1|2|flag");
    write_file(&f, "u.genre", "unknown|0\nAction|2\n");
    check_error(&f, RECSYS_ERR_PARSE, "u.genre:2|2");
    fixture_close(&f);
}

static void test_broken_gzip(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    size_t size;
    write_file(&f, "ratings.csv", "userId,movieId,rating,timestamp\n1,31,2.5,100\n");
    write_packed(&f, "movies.csv.gz", "movieId,title,genres\n31,B (1996),Drama\n");
    unsigned char *bytes = test_read_file(fixture_path(&f, "movies.csv.gz", path), &size);
    test_write_file(path, bytes, size - 6);
    free(bytes);
    check_error(&f, RECSYS_ERR_COMPRESSED, "movies.csv.gz");
    fixture_close(&f);
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    write_file(&f, "ratings.csv", "userId,movieId,rating,timestamp\n1,31,2.5,100\n2,11,4.0,90\n");
    write_file(&f, "movies.csv", "movieId,title,genres\n11,A (1995),Comedy|Drama\n31,B (1996),Drama\n");
    write_file(&f, "tags.csv", "userId,movieId,tag,timestamp\n1,31,fun,1\n");
    recsys_status status = RECSYS_ERR_NO_MEMORY;
    for (int64_t n = 1; status; n++) {
        recsys_dataset *d = NULL;
        test_heap_fail(&f.heap, n, 0);
        status = read_movielens(&f, f.folder, &d);
        test_heap_fail(&f.heap, 0, 0);
        if (status) expect_error(f.exec, status, RECSYS_ERR_NO_MEMORY, NULL);
        assert_int_equal(d == NULL, status != RECSYS_OK);
        recsys_dataset_release(d);
        assert_true(n < 2000);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_100k),
        cmocka_unit_test(test_published_split),
        cmocka_unit_test(test_options_of_ids),
        cmocka_unit_test(test_1m),
        cmocka_unit_test(test_10m),
        cmocka_unit_test(test_latest),
        cmocka_unit_test(test_statistics_text),
        cmocka_unit_test(test_ratings_alone),
        cmocka_unit_test(test_missing_files),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_bad_lines_of_100k),
        cmocka_unit_test(test_broken_gzip),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
