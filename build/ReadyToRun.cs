using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

/// <summary>
/// Compiles a program's assemblies ahead of time, each once for all programs of the repository, and puts the results into its folder:
/// nine programs that start together on two cores would spend most of that time in the just-in-time compiler.
/// </summary>
public sealed class ReadyToRun : Task
{
    private const int Kept = 4;

    /// <summary>The assemblies as they were built or restored.</summary>
    [Required]
    public ITaskItem[] Assemblies { get; set; } = [];

    /// <summary>Folders with what they refer to besides each other.</summary>
    [Required]
    public ITaskItem[] Frameworks { get; set; } = [];

    [Required]
    public string Compiler { get; set; } = "";

    [Required]
    public string Target { get; set; } = "";

    /// <summary>Holds each compiled assembly under its name and the digest of what it was compiled from.</summary>
    [Required]
    public string Cache { get; set; } = "";

    [Required]
    public string Output { get; set; } = "";

    public override bool Execute()
    {
        Directory.CreateDirectory(Cache);
        var references = Frameworks.Select(folder => Path.Combine(folder.ItemSpec, "*.dll"))
            .Concat(Assemblies.Select(assembly => assembly.ItemSpec)).ToArray();
        foreach (var assembly in Assemblies.Select(item => item.ItemSpec))
        {
            var compiled = Path.Combine(Cache, Path.GetFileNameWithoutExtension(assembly) + "-" + Digest(assembly) + ".dll");
            if (!File.Exists(compiled))
            {
                CompileOnce(assembly, compiled, references);
            }
            // An empty one stands for what can't be compiled, such as an assembly that is compiled already.
            if (new FileInfo(compiled).Length > 0)
            {
                var place = Path.Combine(Output, Path.GetFileName(assembly));
                // Deleted first: it may be a link to the file in the package cache.
                File.Delete(place);
                File.Copy(compiled, place);
            }
        }
        return true;
    }

    private static string Digest(string file)
    {
        using (var sha = SHA256.Create())
        using (var stream = File.OpenRead(file))
        {
            return BitConverter.ToString(sha.ComputeHash(stream), 0, 12).Replace("-", "").ToLowerInvariant();
        }
    }

    /// <summary>Another project's build may be at the same assembly.</summary>
    private void CompileOnce(string assembly, string compiled, string[] references)
    {
        using (Turn(compiled + ".lock"))
        {
            if (!File.Exists(compiled))
            {
                var part = compiled + ".part";
                if (!Compile(assembly, part, references))
                {
                    File.WriteAllBytes(part, []);
                }
                File.Move(part, compiled);
                RemoveOld(Path.GetFileNameWithoutExtension(assembly));
            }
        }
    }

    /// <summary>Our own change with every build: the last ones are enough.</summary>
    private void RemoveOld(string name)
    {
        foreach (var old in new DirectoryInfo(Cache).GetFiles(name + "-????????????????????????.dll")
            .OrderByDescending(file => file.LastWriteTimeUtc).Skip(Kept))
        {
            old.Delete();
            File.Delete(old.FullName + ".lock");
        }
    }

    private static FileStream Turn(string path)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                Thread.Sleep(50);
            }
        }
    }

    private bool Compile(string assembly, string part, string[] references)
    {
        var answers = part + ".rsp";
        var system = Target.StartsWith("win") ? "windows" : Target.StartsWith("osx") ? "osx" : "linux";
        File.WriteAllLines(answers, new[] { "\"" + assembly + "\"", "-o:\"" + part + "\"", "--targetos:" + system,
            "--targetarch:" + Target.Substring(Target.LastIndexOf('-') + 1), "-O" }
            .Concat(references.Select(reference => "-r:\"" + reference + "\"")));
        var start = new ProcessStartInfo(Compiler, "@\"" + answers + "\"") { RedirectStandardOutput = true, RedirectStandardError = true,
            UseShellExecute = false };
        using (var process = Process.Start(start))
        {
            var error = process.StandardError.ReadToEndAsync();
            var said = process.StandardOutput.ReadToEnd() + error.Result;
            process.WaitForExit();
            File.Delete(answers);
            if (process.ExitCode != 0)
            {
                Log.LogMessage(MessageImportance.Low, "{0} stays as it is: {1}", assembly, said);
            }
            return process.ExitCode == 0;
        }
    }
}
