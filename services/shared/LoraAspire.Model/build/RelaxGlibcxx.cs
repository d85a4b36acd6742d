using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Writes a copy of an ELF64 library in which one symbol version of libstdc++ is weak (VER_FLG_WEAK), so that the loader of a
/// system whose libstdc++ is older only notes its absence. Where the system has the version, the copy is byte for byte the source.
/// </summary>
public class RelaxGlibcxx : Task
{
    private const uint SectionTypeVerneed = 0x6ffffffe;
    private const ushort VerFlgWeak = 2;

    [Required] public string Source { get; set; }
    [Required] public string Destination { get; set; }
    /// <summary>The one version to relax, for example GLIBCXX_3.4.32.</summary>
    [Required] public string Version { get; set; }

    public override bool Execute()
    {
        var elf = File.ReadAllBytes(Source);
        if (!SystemHasVersion())
        {
            if (!MarkWeak(elf))
            {
                Log.LogError("{0} names no version {1} in .gnu.version_r: is it the library that libtorch.targets was written for?", Source,
                    Version);
                return false;
            }
            Log.LogMessage(MessageImportance.Normal, "{0}: {1} marked weak, the system's libstdc++ is older", Path.GetFileName(Source),
                Version);
        }
        Directory.CreateDirectory(Path.GetDirectoryName(Destination));
        // A new file renamed into place: the old one may be a hard link into the package cache, or mapped by a running process.
        var written = Destination + "." + Guid.NewGuid().ToString("N");
        File.WriteAllBytes(written, elf);
        if (File.Exists(Destination))
        {
            File.Delete(Destination);
        }
        File.Move(written, Destination);
        return true;
    }

    private bool SystemHasVersion()
    {
        var library = Candidates().FirstOrDefault(IsElf64);
        return library != null && IndexOf(File.ReadAllBytes(library), Encoding.ASCII.GetBytes(Version + "\0")) >= 0;
    }

    /// <summary>Where the loader looks for libstdc++.so.6, in its order.</summary>
    private static IEnumerable<string> Candidates()
    {
        const string name = "libstdc++.so.6";
        var folders = (Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "").Split(':').Where(folder => folder.Length > 0);
        // The loader's cache holds its paths as NUL-terminated strings.
        var cached = File.Exists("/etc/ld.so.cache")
            ? Encoding.ASCII.GetString(File.ReadAllBytes("/etc/ld.so.cache")).Split('\0')
                .Where(path => path.StartsWith("/") && path.EndsWith("/" + name))
            : Enumerable.Empty<string>();
        return folders.Select(folder => Path.Combine(folder, name)).Concat(cached)
            .Concat(new[] { "/lib64/" + name, "/usr/lib64/" + name, "/usr/lib/" + name });
    }

    private static bool IsElf64(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }
        using (var file = File.OpenRead(path))
        {
            var ident = new byte[5];
            return file.Read(ident, 0, 5) == 5 && ident[0] == 0x7f && ident[1] == 'E' && ident[2] == 'L' && ident[3] == 'F'
                && ident[4] == 2;
        }
    }

    private bool MarkWeak(byte[] elf)
    {
        var sections = (long)BitConverter.ToUInt64(elf, 0x28);
        int size = BitConverter.ToUInt16(elf, 0x3A), count = BitConverter.ToUInt16(elf, 0x3C);
        for (var i = 0; i < count; i++)
        {
            var section = (int)(sections + i * size);
            if (BitConverter.ToUInt32(elf, section + 4) == SectionTypeVerneed)
            {
                var names = (int)(sections + BitConverter.ToUInt32(elf, section + 0x28) * size);
                return MarkWeak(elf, (int)BitConverter.ToUInt64(elf, section + 0x18), (int)BitConverter.ToUInt64(elf, names + 0x18));
            }
        }
        return false;
    }

    /// <summary>Walks the libraries (Verneed), and of each the versions it must have (Vernaux).</summary>
    private bool MarkWeak(byte[] elf, int need, int names)
    {
        while (true)
        {
            var aux = need + (int)BitConverter.ToUInt32(elf, need + 8);
            for (int i = 0, versions = BitConverter.ToUInt16(elf, need + 2); i < versions; i++)
            {
                if (NameAt(elf, names + (int)BitConverter.ToUInt32(elf, aux + 8)) == Version)
                {
                    elf[aux + 4] |= (byte)VerFlgWeak;
                    return true;
                }
                aux += (int)BitConverter.ToUInt32(elf, aux + 12);
            }
            var next = BitConverter.ToUInt32(elf, need + 12);
            if (next == 0)
            {
                return false;
            }
            need += (int)next;
        }
    }

    private static string NameAt(byte[] elf, int at)
    {
        return Encoding.ASCII.GetString(elf, at, Array.IndexOf(elf, (byte)0, at) - at);
    }

    private static int IndexOf(byte[] text, byte[] word)
    {
        for (var at = Array.IndexOf(text, word[0]); at >= 0 && at <= text.Length - word.Length; at = Array.IndexOf(text, word[0], at + 1))
        {
            var i = 1;
            while (i < word.Length && text[at + i] == word[i])
            {
                i++;
            }
            if (i == word.Length)
            {
                return at;
            }
        }
        return -1;
    }
}
