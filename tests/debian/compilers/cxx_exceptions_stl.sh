cat > t.cpp <<'C'
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <variant>
#include <vector>
struct Guard { ~Guard() { std::cout << "unwound\n"; } }; struct Base { virtual ~Base() = default; virtual int f() const { return 1; } }; struct Derived : Base { int f() const override { return 2; } };
void thrower(int n) { Guard g; if (n == 0) throw std::runtime_error("deep"); thrower(n - 1); }
int main() { try { thrower(2); } catch (const std::exception& e) { std::cout << e.what() << "\n"; } std::unique_ptr<Base> b = std::make_unique<Derived>(); std::cout << b->f() << (dynamic_cast<Derived*>(b.get()) != nullptr) << "\n"; try { std::vector<int>(3).at(9); } catch (const std::out_of_range&) { std::cout << "range\n"; }
 auto f = std::async(std::launch::async, [] { return 6 * 7; }); std::cout << f.get() << "\n"; std::promise<int> p; std::thread t([&] { try { throw 5; } catch (...) { p.set_exception(std::current_exception()); } }); t.join(); try { p.get_future().get(); } catch (int i) { std::cout << "int " << i << "\n"; }
 std::map<std::string, int> m{{"b", 2}, {"a", 1}}; for (auto& [k, v] : m) std::cout << k << v; std::cout << std::regex_replace("a1b2", std::regex("[0-9]"), "#") << "\n"; std::variant<int, std::string> v = "str"; std::visit([](auto& x) { std::cout << x << "\n"; }, v);
 namespace fs = std::filesystem; fs::create_directories("d/e"); std::ofstream("d/e/f") << "text"; std::cout << fs::file_size("d/e/f") << fs::exists("x") << "\n"; int n = 0; for (auto& e : fs::recursive_directory_iterator("d")) n += e.is_regular_file(); std::cout << n << fs::remove_all("d") << "\n"; std::vector<int> s{3, 1, 2}; std::sort(s.begin(), s.end()); std::ostringstream o; std::copy(s.begin(), s.end(), std::ostream_iterator<int>(o, " ")); std::cout << o.str() << "\n"; auto now = std::chrono::steady_clock::now(); std::this_thread::sleep_for(std::chrono::milliseconds(5)); std::cout << (std::chrono::steady_clock::now() - now >= std::chrono::milliseconds(5)) << "\n"; std::set_terminate([] { std::cout << "terminate" << std::endl; std::_Exit(3); }); throw 1; }
C
g++ -std=c++17 -O1 -pthread t.cpp -o t && ./t; echo $?; rm -f t t.cpp
