using System.Globalization;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>Whether what is about to be written has room, asked before hours of work or half a file.</summary>
public static class DiskSpace
{
    /// <exception cref="StageException">There is too little; the message says how much is missing. Transient: somebody may make
    /// room.</exception>
    public static void Require(string folder, long bytes, string what)
    {
        var free = Free(folder);
        if (free < bytes)
        {
            throw new StageException(
                $"{what} needs {Words(bytes)}, and the disk of {folder} has {Words(free)} free: {Words(bytes - free)} are missing. "
                + "Make room (`lora gc` shows what nobody needs) and submit again: finished stages are kept.", transient: true);
        }
    }

    /// <summary>Bytes that this user may still write there.</summary>
    public static long Free(string folder) => new DriveInfo(folder).AvailableFreeSpace;

    /// <summary>1.5 GB: units of 1000, as disks are sold and df -H tells.</summary>
    public static string Words(long bytes)
    {
        string[] units = ["bytes", "kB", "MB", "GB", "TB"];
        var (value, unit) = ((double)bytes, 0);
        for (; Math.Abs(value) >= 999.95 && unit < units.Length - 1; unit++)
        {
            value /= 1000;
        }
        return value.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + units[unit];
    }
}
