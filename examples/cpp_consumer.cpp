// cpp_consumer.cpp - the library from C++: handles in smart pointers, failures as exceptions, events from arrays.
//
// The C headers are included as they are. A deleter for each kind of handle is all the wrapping it takes.
//
// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <recsys/recsys.h>

namespace {

template <auto release>
struct deleter {
    template <class Handle> void operator()(Handle *handle) const { release(handle); }
};

using env_ptr = std::unique_ptr<recsys_env, deleter<recsys_env_release>>;
using exec_ptr = std::unique_ptr<recsys_exec, deleter<recsys_exec_release>>;
using builder_ptr = std::unique_ptr<recsys_dataset_builder, deleter<recsys_dataset_builder_release>>;
using dataset_ptr = std::unique_ptr<recsys_dataset, deleter<recsys_dataset_release>>;
using params_ptr = std::unique_ptr<recsys_params, deleter<recsys_params_release>>;
using model_ptr = std::unique_ptr<recsys_model, deleter<recsys_model_release>>;

void check(recsys_status status, const recsys_exec *exec = nullptr)
{
    if (status == RECSYS_OK) return;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (exec != nullptr) recsys_exec_last_error(exec, &error);
    throw std::runtime_error(exec != nullptr ? error.message : recsys_status_text(status));
}

dataset_ptr listening_events(recsys_exec *exec)
{
    const std::vector<const char *> users = { "ada", "ada", "ben", "ben", "ben", "cleo", "cleo", "dan" };
    const std::vector<const char *> items = { "jazz", "blues", "jazz", "blues", "soul", "jazz", "soul", "blues" };
    recsys_events events = RECSYS_EVENTS_INIT;
    events.count = static_cast<std::int64_t>(users.size());
    events.user_names = users.data();
    events.item_names = items.data();
    recsys_dataset_builder *builder = nullptr;
    recsys_dataset *data = nullptr;
    check(recsys_dataset_builder_create(exec, nullptr, &builder), exec);
    const builder_ptr owner(builder);
    check(recsys_dataset_builder_append(builder, &events), exec);
    check(recsys_dataset_builder_finish(builder, &data), exec);
    return dataset_ptr(data);
}

model_ptr train(recsys_env *env, recsys_exec *exec, const recsys_dataset *data)
{
    recsys_params *params = nullptr;
    recsys_model *model = nullptr;
    check(recsys_params_create(env, "ease", &params, nullptr));
    const params_ptr owner(params);
    check(recsys_params_set_f64(params, "l2", 1.0));
    check(recsys_model_fit(params, data, exec, nullptr, &model), exec);
    return model_ptr(model);
}

void recommend(recsys_exec *exec, const recsys_model *model, const std::string &user)
{
    std::array<std::int64_t, 3> items{};
    std::array<float, 3> scores{};
    recsys_query query = RECSYS_QUERY_INIT;
    query.parts = RECSYS_QUERY_USER;
    query.user = recsys_ids_find(recsys_model_users(model), user.c_str());
    check(recsys_model_topk(model, exec, &query, 1, 3, nullptr, items.data(), scores.data()), exec);
    std::cout << user << ':';
    for (std::size_t r = 0; r < items.size() && items[r] >= 0; r++) {
        std::array<char, 64> id{};
        recsys_ids_text(recsys_model_items(model), items[r], id.data(), static_cast<std::int64_t>(id.size()));
        std::cout << ' ' << id.data() << " (" << scores[r] << ')';
    }
    std::cout << '\n';
}

} // namespace

int main()
{
    try {
        recsys_env *raw_env = nullptr;
        recsys_exec *raw_exec = nullptr;
        check(recsys_env_create(nullptr, &raw_env, nullptr));
        const env_ptr env(raw_env);
        check(recsys_exec_create(env.get(), nullptr, &raw_exec, nullptr));
        const exec_ptr exec(raw_exec);
        const dataset_ptr data = listening_events(exec.get());
        const model_ptr model = train(env.get(), exec.get(), data.get());
        for (const char *user : { "ada", "cleo", "dan" }) recommend(exec.get(), model.get(), user);
        return 0;
    } catch (const std::exception &failure) {
        std::cerr << "cpp_consumer: " << failure.what() << '\n';
        return 1;
    }
}
