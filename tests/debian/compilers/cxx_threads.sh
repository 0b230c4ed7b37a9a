cat > t.cpp <<'C'
#include <atomic>
#include <condition_variable>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
struct Guard { ~Guard() { std::cout << "unwound\n"; } };
int deep(int n) { Guard g; if (n == 0) throw std::runtime_error("deep"); return deep(n - 1) + 1; }
int main() {
    std::vector<std::thread> threads; std::atomic<int> sum{0}; std::mutex m; std::map<int, std::string> names;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&, i] { sum += i; std::lock_guard l(m); names[i] = std::to_string(i); });
    for (auto& t : threads) t.join();
    std::cout << sum << ' ' << names.size() << '\n';
    try { deep(2); } catch (const std::exception& e) { std::cout << e.what() << '\n'; }
    auto f = std::async(std::launch::async, [] { throw 5; return 0; });
    try { f.get(); } catch (int v) { std::cout << v << '\n'; }
    std::condition_variable cv; bool ready = false; std::thread w([&] { std::unique_lock l(m); cv.wait(l, [&] { return ready; }); std::cout << "woken\n"; });
    { std::lock_guard l(m); ready = true; } cv.notify_all(); w.join();
    std::thread([] { thread_local int x = 1; std::cout << ++x << '\n'; }).join(); return 0;
}
C
g++ -O1 -std=c++20 -pthread t.cpp -o t && ./t; echo $?; rm -f t
