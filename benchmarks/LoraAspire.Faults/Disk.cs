using System.Diagnostics;

namespace LoraAspire.Faults;

/// <summary>A small file system in memory, which can be filled up and made read-only.</summary>
internal sealed class Disk(string folder)
{
    private const int Megabytes = 256;

    /// <summary>A plain folder where nothing can be mounted.</summary>
    public static Disk Create(string folder)
    {
        Directory.CreateDirectory(folder);
        if (MountNamespace.HasDisks)
        {
            Call("mount", "-t", "tmpfs", "-o", $"size={Megabytes}m,mode=0700", "tmpfs", folder);
        }
        return new(folder);
    }

    /// <summary>Leaves no byte, until it is disposed.</summary>
    public IDisposable Fill()
    {
        Require();
        var filler = Path.Combine(folder, "filler");
        using (var file = new FileStream(filler, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            Pour(file, new byte[1 << 20]);
            Pour(file, new byte[4096]);
        }
        return new Undo(() => File.Delete(filler));
    }

    private static void Pour(FileStream file, byte[] block)
    {
        try
        {
            while (true)
            {
                file.Write(block);
            }
        }
        catch (IOException)
        {
            // No room for another block of this size.
        }
    }

    /// <summary>A second, read-only view of the folder over the first: whoever has a file open writes on, nobody opens another.</summary>
    public IDisposable ReadOnly()
    {
        Require();
        Call("mount", "--bind", folder, folder);
        Call("mount", "-o", "remount,bind,ro", folder);
        return new Undo(() => Call("umount", "--lazy", folder));
    }

    private static void Require()
    {
        if (!MountNamespace.HasDisks)
        {
            throw new SkippedException("this system lets nobody but root mount a disk");
        }
    }

    private static void Call(params string[] command)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true })!;
        var said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', command)}: {said}");
        }
    }

    private sealed class Undo(Action action) : IDisposable
    {
        public void Dispose() => action();
    }
}

/// <summary>The fault can't be made here, so that the cell says nothing.</summary>
internal sealed class SkippedException(string message) : Exception(message);
