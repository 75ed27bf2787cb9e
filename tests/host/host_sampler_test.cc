#include "host/host_sampler.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

namespace carillon {
namespace {

using ::testing::HasSubstr;

// A copy of the fixture that a test can let go on in time.
class HostSamplerTest : public ::testing::Test {
 protected:
  HostSamplerTest() {
    std::filesystem::copy(std::string(CARILLON_TEST_DATA) + "/samples/proc", root_,
                          std::filesystem::copy_options::recursive);
  }
  ~HostSamplerTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& file, const std::string& text) {
    std::ofstream(root_ + "/" + file) << text;
  }

  // The event of `subtype` of one sample.
  simdjson::dom::element Sample(const std::string& subtype, double seconds) {
    const auto events = sampler_.Sample(Epoch{1428415043}, seconds);
    EXPECT_TRUE(events.ok());
    for (const HostEvent& event : *events) {
      if (event.subtype == subtype) return parser_.parse(event.json);
    }
    ADD_FAILURE() << "no " << subtype;
    return {};
  }

  static double Number(const simdjson::dom::element& event, std::string_view pointer) {
    double number = -1;
    EXPECT_EQ(event.at_pointer(pointer).get(number), simdjson::SUCCESS) << pointer;
    return number;
  }
  static std::string Text(const simdjson::dom::element& event, std::string_view pointer) {
    std::string_view text;
    EXPECT_EQ(event.at_pointer(pointer).get(text), simdjson::SUCCESS) << pointer;
    return std::string(text);
  }

  const std::string root_ = fmt::format("{}host_sampler_test.{}", ::testing::TempDir(), getpid());
  HostSampler sampler_{root_, "web1", [](const std::string& mount) {
                         return FileSystemSpace{1000, mount == "/" ? 250u : 1000u, 10, 5};
                       }};
  simdjson::dom::parser parser_;
};

TEST_F(HostSamplerTest, SaysWhenWhereAndWhat) {
  const auto event = Sample("memory", 0);
  EXPECT_EQ(Number(event, "/timestamp"), 1428415043);
  EXPECT_EQ(Text(event, "/type"), "SYS");
  EXPECT_EQ(Text(event, "/subtype"), "memory");
  EXPECT_EQ(Text(event, "/host"), "web1");
}

TEST_F(HostSamplerTest, GivesFiveEventsASecond) {
  EXPECT_EQ(sampler_.Sample(Epoch{1}, 0)->size(), 5u);
}

TEST_F(HostSamplerTest, HasNoRatesAtFirst) {
  const auto event = Sample("cpu", 0);
  EXPECT_EQ(Number(event, "/cpu/total/user"), 0);
  EXPECT_EQ(Number(event, "/cpu/context_switches_per_second"), 0);
}

TEST_F(HostSamplerTest, MeasuresCpusSinceTheLastSample) {
  (void)sampler_.Sample(Epoch{1}, 0);
  Write("stat",
        "cpu  1050 0 525 8115 110 0 50 0 0 0\ncpu0 640 0 210 4045 55 0 25 0 0 0\n"
        "cpu1 410 0 315 4070 55 0 25 0 0 0\nctxt 100600\nprocs_running 3\nprocs_blocked 0\n");
  const auto event = Sample("cpu", 2);
  EXPECT_EQ(Number(event, "/cpu/total/user"), 25);
  EXPECT_EQ(Number(event, "/cpu/total/system"), 12.5);
  EXPECT_EQ(Number(event, "/cpu/total/idle"), 57.5);
  EXPECT_EQ(Number(event, "/cpu/cpu0/user"), 40);
  EXPECT_EQ(Number(event, "/cpu/context_switches_per_second"), 300);
  EXPECT_EQ(Number(event, "/cpu/running"), 3);
  EXPECT_EQ(Number(event, "/cpu/cpus"), 2);
  EXPECT_EQ(Number(event, "/cpu/load/5m"), 1.25);
}

TEST_F(HostSamplerTest, MeasuresMemoryInBytes) {
  const auto event = Sample("memory", 0);
  EXPECT_EQ(Number(event, "/memory/mem_total_bytes"), 1024000000);
  EXPECT_EQ(Number(event, "/memory/active_anon_bytes"), 51200000);
  EXPECT_EQ(Number(event, "/memory/used_percent"), 40);
}

TEST_F(HostSamplerTest, MeasuresDisksSinceTheLastSample) {
  (void)sampler_.Sample(Epoch{1}, 0);
  Write("diskstats", " 254 0 vda 1010 5 20040 300 430 6 8100 700 0 5500 900 0 0 0 0\n");
  const auto event = Sample("disk", 1);
  EXPECT_EQ(Number(event, "/disk/devices/vda/reads_per_second"), 10);
  EXPECT_EQ(Number(event, "/disk/devices/vda/read_bytes_per_second"), 40 * 512);
  EXPECT_EQ(Number(event, "/disk/devices/vda/writes_per_second"), 30);
  EXPECT_EQ(Number(event, "/disk/devices/vda/written_bytes_per_second"), 100 * 512);
  EXPECT_EQ(Number(event, "/disk/devices/vda/busy_percent"), 50);
}

TEST_F(HostSamplerTest, LeavesLoopDevicesOut) {
  EXPECT_NE(Sample("disk", 0).at_pointer("/disk/devices/loop0").error(), simdjson::SUCCESS);
}

TEST_F(HostSamplerTest, MeasuresEachFileSystemOnce) {
  const auto event = Sample("disk", 0);
  EXPECT_EQ(Text(event, "/disk/file_systems/0/mount"), "/");
  EXPECT_EQ(Number(event, "/disk/file_systems/0/used_percent"), 75);
  EXPECT_EQ(Text(event, "/disk/file_systems/1/mount"), "/mnt/my disk");
  EXPECT_NE(event.at_pointer("/disk/file_systems/2").error(), simdjson::SUCCESS);
}

TEST_F(HostSamplerTest, MeasuresInterfacesSinceTheLastSample) {
  (void)sampler_.Sample(Epoch{1}, 0);
  Write("net/dev",
        "  eth0:  101000    1010    1    2    0     0          0         0   204000    "
        "2020    4    4    0     0       0          0\n");
  const auto event = Sample("network", 2);
  EXPECT_EQ(Number(event, "/network/interfaces/eth0/received/bytes_per_second"), 500);
  EXPECT_EQ(Number(event, "/network/interfaces/eth0/sent/bytes_per_second"), 2000);
  EXPECT_EQ(Number(event, "/network/interfaces/eth0/sent/errors_per_second"), 0.5);
  EXPECT_EQ(Number(event, "/network/interfaces/eth0/received/bytes"), 101000);
}

TEST_F(HostSamplerTest, TakesACounterThatFellAsNoGrowth) {
  (void)sampler_.Sample(Epoch{1}, 0);
  Write("net/dev", "eth0: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0\n");
  EXPECT_EQ(Number(Sample("network", 1), "/network/interfaces/eth0/received/bytes_per_second"), 0);
}

TEST_F(HostSamplerTest, CountsProcessesAndNamesTheLargest) {
  const auto event = Sample("processes", 0);
  EXPECT_EQ(Number(event, "/processes/count"), 2);  // the third one's file is cut
  EXPECT_EQ(Number(event, "/processes/threads"), 9);
  EXPECT_EQ(Number(event, "/processes/states/S"), 1);
  EXPECT_EQ(Text(event, "/processes/top_memory/0/name"), "a (weird) name");
  EXPECT_EQ(Number(event, "/processes/top_memory/0/memory_bytes"),
            9000.0 * static_cast<double>(sysconf(_SC_PAGESIZE)));
}

TEST_F(HostSamplerTest, MeasuresTheCpuOfProcesses) {
  (void)sampler_.Sample(Epoch{1}, 0);
  const std::int64_t ticks = sysconf(_SC_CLK_TCK);
  Write("1/stat", fmt::format("1 (init) S 0 1 1 0 -1 4194560 100 0 0 0 {} 5 0 0 20 0 1 0 1 1 250 0",
                              10 + ticks));
  const auto event = Sample("processes", 2);
  EXPECT_EQ(Text(event, "/processes/top_cpu/0/name"), "init");
  EXPECT_EQ(Number(event, "/processes/top_cpu/0/cpu_percent"), 50);
}

TEST_F(HostSamplerTest, LeavesOutWhatCannotBeRead) {
  std::filesystem::remove(root_ + "/meminfo");
  EXPECT_EQ(sampler_.Sample(Epoch{1}, 0)->size(), 4u);
}

TEST(HostSamplerWithoutProcTest, SaysWhatItCouldNotRead) {
  HostSampler sampler("/nowhere", "web1", ProbeSpace);
  const auto events = sampler.Sample(Epoch{1}, 0);
  EXPECT_EQ(events.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(events.status())), HasSubstr("/nowhere/stat"));
}

}  // namespace
}  // namespace carillon
