#include "drivers/virtio_9p/device.h"
#include "drivers/virtio_blk/format.h"
#include "protocols/strace.h"
#include "runtime/boot.h"
#include "servers/init/first_program.h"
#include "servers/init/log.h"
#include "servers/init/real_time_clock.h"
#include "servers/init/system_end.h"

/// Grants: archive (memory object of the boot archive), resource (the hardware). Arguments: the kernel's command line.
///
/// init is the parent of process 1 and learns of its end by an asynchronous Wait, as any parent would.
namespace portico::init {
namespace {

constexpr uint64_t kWaitExited = 4;

Result<RunRequest> read_run_request(const BootArchive& archive) {
    const auto entry = archive.find("boot/run");
    if (!entry) return RunRequest::shell();
    std::string line;
    auto request = RunRequest::parse({reinterpret_cast<const char*>(entry->data.data()), entry->data.size()}, line);
    if (!request) log("boot/run is wrong at: " + line);
    return request;
}

uint64_t realtime_offset_ns(abi::Handle hardware) {
    const Result<int64_t> seconds = read_real_time_clock(hardware);
    if (!seconds) {
        log("the real-time clock does not answer: the time of day starts in 1970");
        return 0;
    }
    return static_cast<uint64_t>(*seconds) * Supervisor::kSecond - now_ns();
}

/// Waits for the end of process 1. Errors: PeerClosed if the system has failed.
Result<uint64_t> wait_for_end(Supervisor& supervisor) {
    using protocols::process::Wait;
    const OwnedHandle& server = supervisor.service("process").client();
    const uint64_t id = TRY(supervisor.ask_later(server, Wait{.pid = FirstProgram::kPid, .options = kWaitExited}));
    while (const auto reply = supervisor.next())
        if (reply->id == id) return TRY(ipc::unpack_reply<Wait>(*reply)).wait_status;
    return fail(Error::PeerClosed);
}

/// What is on disks is written now: the machine may end as soon as the end is reported. Who still runs changes nothing any more.
void end_file_systems(Supervisor& supervisor) {
    Result<OwnedHandle> control = supervisor.service("file").make_client(protocols::file::kControlBadge);
    Result<> ended = control ? Result<>{} : fail(control.error());
    if (control)
        if (const auto reply = supervisor.ask(*control, protocols::file::End{}); !reply) ended = fail(reply.error());
    if (!ended) log("the file systems were not left cleanly: " + std::string(abi::name_of(ended.error())));
}

/// Runs the first program and reports its end. Errors: the supervisor's failure tells more.
Result<> run_first_program(Supervisor& supervisor, const BootResources& boot, const RunRequest& request) {
    uint32_t refused_status = 0;
    uint64_t wait_status = 0;
    // The launcher goes at once: its handles would keep the program's streams open when the program closes them.
    if (const Result<> launched = FirstProgram(supervisor, boot, request).launch(refused_status); launched)
        wait_status = TRY(wait_for_end(supervisor));
    else if (refused_status != 0)
        wait_status = refused_status;
    else
        return launched;
    log("the first program ended with wait status " + hexadecimal(wait_status));
    if (request.keeps_files) end_file_systems(supervisor);
    // Without an answer the trace may lack its end, but the program has ended as it has.
    if (request.traced && refused_status == 0) (void)supervisor.ask(supervisor.service("strace").client(), protocols::strace::Finish{});
    return report_end(supervisor, wait_status);
}

void find_drivers_devices(BootResources& resources) {
    constexpr std::array<uint32_t, 2> kKinds{virtio_blk::kDeviceId, virtio_9p::kDeviceId};
    for (VirtioDevice& device : find_devices(resources.hardware, resources.words, kKinds))
        (device.kind == virtio_blk::kDeviceId ? resources.disks : resources.shares).push_back(std::move(device));
    if (resources.disks.size() > kDisksMax) log("only the first " + std::to_string(kDisksMax) + " disks are driven");
    if (resources.shares.size() > kSharesMax) log("only the first " + std::to_string(kSharesMax) + " shares are driven");
}

Result<> run(abi::Handle hardware, int argument_count, char** arguments) {
    const BootArchive archive = TRY(BootArchive::map(boot::grant("archive")));
    const RuntimeLibrary runtime = TRY(RuntimeLibrary::open(boot::block().runtime_image));
    const RunRequest request = TRY(read_run_request(archive));
    BootResources resources{.archive = archive,
                            .runtime = runtime,
                            .hardware = hardware,
                            .realtime_offset_ns = realtime_offset_ns(hardware),
                            .words = {},
                            .disks = {},
                            .shares = {}};
    resources.words.assign(arguments + std::min(argument_count, 1), arguments + argument_count);
    resources.words.insert(resources.words.end(), request.server_words.begin(), request.server_words.end());

    find_drivers_devices(resources);

    Supervisor supervisor = TRY(Supervisor::create(resources));
    supervisor.start_all();
    if (supervisor.failure().empty()) {
        const Result<> done = run_first_program(supervisor, resources, request);
        if (!done) (void)supervisor.next(now_ns() + Supervisor::kSecond);  // a server's end tells more, and may be told after it
        if (!done) supervisor.set_failure("the first program is lost: " + std::string(abi::name_of(done.error())));
    }
    if (!supervisor.failure().empty()) {
        report_failure(supervisor);
        return fail(Error::PeerClosed);
    }
    // The host ends a framed system when it has read the report; until then its bytes still have to flow.
    if (request.link == Link::Framed)
        while (supervisor.failure().empty()) (void)supervisor.next();
    return {};
}

}  // namespace
}  // namespace portico::init

int main(int argument_count, char** arguments) {
    using namespace portico;
    const abi::Handle hardware = boot::grant("resource");
    const Result<> ended = init::run(hardware, argument_count, arguments);
    if (!ended) init::log("cannot go on: " + std::string(abi::name_of(ended.error())));
    init::power_off(hardware, ended ? init::Outcome::Ended : init::Outcome::Failed);
}
