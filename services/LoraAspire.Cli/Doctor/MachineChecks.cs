using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using LoraAspire.Machine;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli.Doctor;

/// <summary>.NET, the build, memory, disk, ports, fonts.</summary>
internal static class MachineChecks
{
    private const long Little = 4L << 30, LittleDisk = 10_000_000_000, NoDisk = 1_000_000_000;

    /// <summary>Where Linux tells what memory could be had now.</summary>
    private const string MemoryFile = "/proc/meminfo";

    /// <param name="app">The app that runs here; null where none does.</param>
    public static IEnumerable<Task<IReadOnlyList<Check>>> All(LoraPaths folders, AppAddresses? app) =>
    [
        Check.GuardedAsync(".NET", DotNet),
        Check.GuardedAsync("build", Programs),
        Check.GuardedAsync("memory", Memory),
        Check.GuardedAsync("disk", () => Disk(folders.Store)),
        Check.GuardedAsync("ports", () => Ports(app)),
        Check.GuardedAsync("fonts", () => Fonts(FontFolders())),
    ];

    /// <summary>The state folder, and the app that runs there; an app that was killed leaves its addresses behind.</summary>
    public static (Check Check, AppAddresses? App) State(LoraPaths folders)
    {
        const string name = "state";
        try
        {
            var left = AppAddresses.Read(folders.State);
            var app = left is not null && IsAlive(left.Pid) ? left : null;
            return (Check.Ok(name, $"{folders.State}, {(app is not null ? $"lab {app.Lab}, chat {app.Chat}"
                : left is null ? "no app runs there" : "no app runs there any more: the next start writes over what it left")}"), app);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return (Check.Failure(name, error.Message, "give LORA_STATE a folder of your own, or mend this one"), null);
        }
    }

    private static bool IsAlive(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static Check DotNet() => MachineProgram.OnPath("dotnet") is { } program
        ? Check.Ok(".NET", $"{RuntimeInformation.FrameworkDescription}, {program.Path}")
        : Check.Warning(".NET", $"{RuntimeInformation.FrameworkDescription}, but no dotnet is on the PATH",
            "put the folder of the .NET SDK on it: the app is started by `dotnet run`");

    private static Check Programs()
    {
        var missing = StageKinds.All.Where(kind => StageProgram.Of(kind) is null).Select(kind => kind.Program).ToList();
        return missing.Count == 0 ? Check.Ok("build", "every stage's program is there")
            : Check.Warning("build", $"not built: {string.Join(", ", missing)}",
                LoraPaths.Checkout() is { } checkout ? $"dotnet build {Path.Combine(checkout, "LoraAspire.sln")}"
                    : "call lora from within a checkout to have them looked at");
    }

    private static Check Memory()
    {
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var words = $"{DiskSpace.Words(total)} for this process{(Available() is { } free ? $", {DiskSpace.Words(free)} free" : "")}";
        return total >= Little ? Check.Ok("memory", words)
            : Check.Warning("memory", words, "only small models can be trained here; is a limit of a container lower than it need be?");
    }

    private static long? Available()
    {
        var line = File.Exists(MemoryFile)
            ? File.ReadLines(MemoryFile).FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal)) : null;
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kibibytes, ..]
            && long.TryParse(kibibytes, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number << 10 : null;
    }

    /// <summary>Of the nearest folder that is there: the store may not have been made yet.</summary>
    private static Check Disk(string store)
    {
        var folder = store;
        while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } above)
        {
            folder = above;
        }
        var free = DiskSpace.Free(folder);
        return OfDisk(free, $"{DiskSpace.Words(free)} free for the store {store}");
    }

    internal static Check OfDisk(long free, string words) => free switch
    {
        < NoDisk => Check.Failure("disk", words, "make room: `lora gc` shows what nobody needs; or set LORA_STORE to another disk"),
        < LittleDisk => Check.Warning("disk", words, "a merged model of 7B takes 14 GB: `lora gc`, or LORA_STORE on another disk"),
        _ => Check.Ok("disk", words),
    };

    private static Check Ports(AppAddresses? app)
    {
        if (app is not null)
        {
            return Check.Ok("ports", "the app's own are in use");
        }
        (int Port, string Option)[] usual = [(UsualPorts.Lab, "--lab-port"), (UsualPorts.Chat, "--chat-port"),
            (UsualPorts.Dashboard, "--dashboard-port")];
        var taken = usual.Where(one => !LoraAspire.Machine.Ports.IsFree(one.Port)).ToList();
        return taken.Count == 0 ? Check.Ok("ports", $"{string.Join(", ", usual.Select(one => one.Port))} are free")
            : Check.Warning("ports", $"taken by another program: {string.Join(", ", taken.Select(one => one.Port))}",
                $"stop it, or start with {string.Join(' ', taken.Select(one => $"{one.Option} 0"))}, which takes free ones");
    }

    private static IEnumerable<string> FontFolders() =>
        OperatingSystem.IsLinux()
            ? ["/usr/share/fonts", "/usr/local/share/fonts",
                Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local/share/fonts")]
            : [];

    /// <summary>Pages and plots use the fonts of the machine that the browser runs on; others than Linux bring Chinese ones.</summary>
    internal static Check Fonts(IEnumerable<string> folders)
    {
        string[] chinese = ["cjk", "wqy", "uming", "ukai", "hansans", "han-sans", "hanserif", "droidsansfallback"];
        var there = folders.Where(Directory.Exists).ToList();
        return !OperatingSystem.IsLinux() ? Check.Ok("fonts", "Chinese fonts come with this system")
            : there.SelectMany(folder => Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true }))
                .FirstOrDefault(file => chinese.Any(name => Path.GetFileName(file).Contains(name, StringComparison.OrdinalIgnoreCase)))
                is { } font ? Check.Ok("fonts", $"Chinese letters by {Path.GetFileName(font)}")
            : Check.Warning("fonts", "no font with Chinese letters here",
                "where the browser is on this machine: apt-get install fonts-noto-cjk; plots and pages use the browser's fonts");
    }
}
