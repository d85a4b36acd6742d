using System.Globalization;

namespace LoraAspire.Machine;

/// <summary>
/// Whose a process is, and who started it, as Linux tells it. Elsewhere, and of a process that is gone, nothing is known.
/// </summary>
/// <param name="User">The name of who it computes as; null where that isn't known.</param>
/// <param name="Ancestors">The process that started it first.</param>
public sealed record LinuxProcess(string? User, IReadOnlyList<int> Ancestors)
{
    private const int MostAncestors = 64;

    /// <param name="proc">Where the kernel shows processes.</param>
    /// <param name="passwd">Where names of users stand by their numbers.</param>
    public static LinuxProcess Of(int id, string proc = "/proc", string passwd = "/etc/passwd")
    {
        var status = Status(proc, id);
        List<int> ancestors = [];
        for (var at = status; Number(at, "PPid:", 0) is > 0 and var parent && ancestors.Count < MostAncestors; at = Status(proc, parent))
        {
            ancestors.Add(parent);
        }
        // Real, effective, saved, and of the file system: the second is who /proc/ID belongs to.
        return new(Number(status, "Uid:", 1) is { } user ? Name(user, passwd) : null, ancestors);
    }

    private static IReadOnlyList<string> Status(string proc, int id) => Lines(Path.Combine(proc, $"{id}", "status"));

    private static int? Number(IReadOnlyList<string> status, string name, int place) =>
        status.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
        && int.TryParse(line[name.Length..].Split('\t', StringSplitOptions.RemoveEmptyEntries).ElementAtOrDefault(place),
            NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string? Name(int user, string passwd)
    {
        var number = user.ToString(CultureInfo.InvariantCulture);
        return Lines(passwd).Select(line => line.Split(':'))
            .FirstOrDefault(fields => fields is [{ Length: > 0 }, _, var its, ..] && its == number)?[0];
    }

    private static IReadOnlyList<string> Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
