using System.Text.Json;
using LoraAspire.Cli;
using LoraAspire.Cli.Doctor;
using LoraAspire.Machine;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Terminal;

namespace LoraAspire.Tests.Cli;

/// <summary>What <c>lora doctor</c> makes of what it finds.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class DoctorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-doctor-").FullName;
    private readonly CapturedTerminal _terminal = new();

    public DoctorTests()
    {
        foreach (var name in (string[])["LORA_STORE", "LORA_MODELS", "ConnectionStrings__redis"])
        {
            _terminal.Set(name, null);
        }
        _terminal.Set("LORA_STATE", _folder);
    }

    public void Dispose()
    {
        _terminal.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Every_part_of_the_machine_is_a_line_and_the_same_as_JSON()
    {
        string[] names = ["state", ".NET", "build", "memory", "disk", "ports", "fonts", "libtorch", "GPU", "Redis", "base pebble",
            "template of pebble"];

        _terminal.Set("ConnectionStrings__redis", "127.0.0.1:9,password=secret");

        Assert.Equal(8, await LoraCommand.RunAsync(
            ["doctor", "--base", Path.Combine(GoldenFolder.RepoRoot, "models", "pebble"), "--json"]));

        Assert.DoesNotContain("secret", _terminal.Out + _terminal.Error, StringComparison.Ordinal);
        var told = JsonDocument.Parse(_terminal.Out).RootElement;
        var checks = told.GetProperty("checks").EnumerateArray().ToList();
        Assert.Equal(names, checks.Select(check => check.GetProperty("name").GetString()));
        Assert.All(checks, check => Assert.Equal(check.GetProperty("health").GetString() == "ok",
            check.GetProperty("remedy").ValueKind == JsonValueKind.Null));
        Assert.Equal(told.GetProperty("ok").GetBoolean(), checks.All(check => check.GetProperty("health").GetString() != "failure"));
    }

    [Fact]
    public async Task A_base_that_can_not_be_used_is_a_failure_and_one_that_is_not_there_a_slip()
    {
        Assert.All(BaseChecks.All(_folder), check => Assert.Equal(Health.Failure, check.Health));
        Assert.Equal(3, await LoraCommand.RunAsync(["doctor", "--base", "no-such-base"]));
    }

    [Theory]
    [InlineData("127.0.0.1:9,password=secret", "nothing answers there")]
    [InlineData("127.0.0.1:9,secret=secret", "can't be read")]
    [InlineData("password=secret", "can't be read")]
    public async Task A_Redis_that_is_named_and_not_there_is_a_failure_whose_words_keep_the_password(string address, string words)
    {
        _terminal.Set("ConnectionStrings__redis", address);

        var check = await RedisCheck.LookAsync(app: null, TestContext.Current.CancellationToken);

        Assert.Equal(Health.Failure, check.Health);
        Assert.Contains(words, check.Found, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", check.Found + check.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_app_that_is_gone_is_none_and_a_file_that_it_did_not_write_a_failure()
    {
        AppAddresses here = new("127.0.0.1:9", "http://localhost:1/", "http://localhost:2", null, Environment.ProcessId);
        await here.WriteAsync(_folder, TestContext.Current.CancellationToken);
        Assert.Equal(here, MachineChecks.State(App.Folders).App);

        await (here with { Pid = int.MaxValue }).WriteAsync(_folder, TestContext.Current.CancellationToken);
        var (check, app) = MachineChecks.State(App.Folders);
        Assert.Equal((Health.Ok, null), (check.Health, app));

        File.WriteAllText(Path.Combine(_folder, "apphost.json"), "[]");
        Assert.Equal(Health.Failure, MachineChecks.State(App.Folders).Check.Health);
    }

    [Fact]
    public async Task A_check_that_breaks_is_a_failure_of_its_name()
    {
        Func<Check> broken = () => throw new InvalidOperationException("no such thing");

        var check = Assert.Single(await Check.GuardedAsync("disk", broken));

        Assert.Equal(("disk", Health.Failure), (check.Name, check.Health));
        Assert.Contains("no such thing", check.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d81b8ff71cfb150e", "Redis 7.0.15", false)]
    [InlineData("Redis server v=6.2.20 sha=0:0", "Redis 6.2.20", true)]
    [InlineData("Redis server v=7.4.5 sha=0:0", "Redis 7.4.5", false)]
    [InlineData("Redis server v=8.0.4 sha=0:0", "Redis 8.0.4", true)]
    [InlineData("Redis server v=8.2.1 sha=0:0", "Redis 8.2.1", false)]
    [InlineData("Redis server v=8.4.0 sha=0:0", "Redis 8.4.0", true)]
    [InlineData("Valkey server v=8.0.5 sha=0:0", "Valkey 8.0.5", false)]
    [InlineData("Valkey server v=8.1.4 sha=0:0", "Valkey 8.1.4", true)]
    [InlineData("Valkey server v=9.0.0 sha=0:0", "Valkey 9.0.0", true)]
    public void A_Redis_is_judged_by_the_first_mended_release_of_its_line(string said, string words, bool mended)
    {
        var version = RedisVersion.OfProgram(said)!;

        Assert.Equal((words, mended), ($"{version}", version.IsMended));
        Assert.Equal(mended ? Health.Ok : Health.Warning, RedisCheck.Of(version, "here").Health);
        Assert.Equal(!mended, RedisCheck.Of(version, "here", "/x").Remedy?.StartsWith("delete /x:", StringComparison.Ordinal) ?? false);
    }

    [Fact]
    public void Valkey_is_known_by_its_own_number_and_nonsense_is_of_an_unknown_version()
    {
        Assert.Equal(new(true, new(8, 1, 4)),
            RedisVersion.OfInfo(new Dictionary<string, string> { ["redis_version"] = "7.2.4", ["valkey_version"] = "8.1.4" }));
        Assert.Null(RedisVersion.OfInfo(new Dictionary<string, string> { ["redis_version"] = "x" }));
        Assert.Null(RedisVersion.OfProgram("redis v=99999999999999.1"));
    }

    [Fact]
    public void A_card_that_libtorch_does_not_see_has_the_remedy_and_so_has_an_old_one()
    {
        (GpuFigures, Version?)[] cards = [(new(0, "H100") { MemoryTotal = 80_000_000_000 }, new(9, 0))];

        Assert.Equal(Health.Ok, TorchChecks.OfGpus(cards, "570", seen: 1).Health);
        Assert.Equal("driver 570: H100 80.0 GB, compute capability 9.0", TorchChecks.OfGpus(cards, "570", seen: null).Found);
        Assert.Contains("LORA_LIBTORCH", TorchChecks.OfGpus(cards, "570", seen: 0).Remedy, StringComparison.Ordinal);
        Assert.Contains("float32", TorchChecks.OfGpus([(new(0, "T4"), new(7, 5))], "570", seen: 1).Remedy, StringComparison.Ordinal);
        Assert.Contains("passed through", TorchChecks.OfGpus([], "570", seen: 0).Remedy, StringComparison.Ordinal);
        Assert.Equal("2.10.0 loads from /t, with CUDA, sees 2 GPUs", TorchChecks.Words(new("2.10.0", 2, "/t")));
    }

    [Theory]
    [InlineData(900_000_000, "Failure")]
    [InlineData(9_000_000_000, "Warning")]
    [InlineData(90_000_000_000, "Ok")]
    public void A_disk_is_judged_by_what_is_free(long free, string health) =>
        Assert.Equal(health, $"{MachineChecks.OfDisk(free, "x").Health}");

    [Fact]
    public void A_Chinese_font_is_found_by_its_file()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }
        Assert.Equal(Health.Warning, MachineChecks.Fonts([_folder, "/no/such/folder"]).Health);
        var fonts = Directory.CreateDirectory(Path.Combine(_folder, "opentype")).FullName;
        File.WriteAllText(Path.Combine(fonts, "NotoSansCJK-Regular.ttc"), "");
        Assert.Equal(Health.Ok, MachineChecks.Fonts([_folder]).Health);
    }

    [Fact]
    public async Task A_program_that_fails_or_is_not_there_is_told_in_words()
    {
        var failing = await AskedProgram.RunAsync(MachineProgram.At("/bin/sh"), ["-c", "echo broken >&2; exit 3"],
            TestContext.Current.CancellationToken);
        var missing = await AskedProgram.RunAsync(MachineProgram.At(Path.Combine(_folder, "none")), [],
            TestContext.Current.CancellationToken);

        Assert.Equal(new(false, "it ended with 3. broken"), failing);
        Assert.False(missing.Ok);
    }

    [Fact]
    public void The_report_of_libtorch_names_the_version_that_loads()
    {
        var report = LibTorchReport.Of();

        Assert.Null(report.Problem);
        Assert.StartsWith("2.", report.Version, StringComparison.Ordinal);
    }
}
