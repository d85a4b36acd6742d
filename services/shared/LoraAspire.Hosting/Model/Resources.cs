using System.Collections.ObjectModel;

namespace Aspire.Hosting.ApplicationModel;

public interface IResourceAnnotation;

public sealed class ResourceAnnotationCollection : Collection<IResourceAnnotation>;

public interface IResource
{
    string Name { get; }
    ResourceAnnotationCollection Annotations { get; }
}

/// <summary>What has a value that may be known only once the app runs.</summary>
public interface IValueProvider
{
    ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default);
}

public interface IResourceWithEnvironment : IResource;

public interface IResourceWithArgs : IResource;

public interface IResourceWithEndpoints : IResource;

public interface IResourceWithWaitSupport : IResource;

public interface IResourceWithConnectionString : IResource
{
    ReferenceExpression ConnectionStringExpression { get; }

    ValueTask<string?> GetConnectionStringAsync(CancellationToken cancellationToken = default) => ConnectionStringExpression.GetValueAsync(cancellationToken);
}

/// <exception cref="ArgumentException">The name is not letters, digits and single hyphens, beginning with a letter, 64 at most.</exception>
public abstract class Resource : IResource
{
    protected Resource(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name.Length > 64 || !char.IsAsciiLetter(name[0]) || name.EndsWith('-') || name.Contains("--")
            || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'))
        {
            throw new ArgumentException($"Resource name '{name}' is invalid: letters, digits and single hyphens, beginning with a letter, 64 at most.", nameof(name));
        }
        Name = name;
    }

    public virtual string Name { get; }
    public virtual ResourceAnnotationCollection Annotations { get; } = [];
}

public class ProjectResource(string name) : Resource(name),
    IResourceWithEnvironment, IResourceWithArgs, Aspire.Hosting.IResourceWithServiceDiscovery, IResourceWithEndpoints, IResourceWithWaitSupport;

public class ExecutableResource(string name, string command, string workingDirectory) : Resource(name),
    IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport
{
    public string Command { get; } = command;
    public string WorkingDirectory { get; } = workingDirectory;
}

public class ContainerResource(string name) : Resource(name),
    IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport;

public class ParameterResource(string name, Func<ParameterDefault?, string> callback, bool secret = false) : Resource(name), IValueProvider
{
    private readonly Lazy<string> _value = new(() => callback(null));

    public bool Secret { get; } = secret;

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(_value.Value);
}

/// <summary>What a parameter takes when nobody gives it.</summary>
public abstract class ParameterDefault
{
    public abstract string GetDefaultValue();
}

public class RedisResource(string name) : ContainerResource(name), IResourceWithConnectionString
{
    public EndpointReference PrimaryEndpoint => field ??= new(this, "tcp");

    public ParameterResource? PasswordParameter { get; internal set; }

    /// <summary>A server given from outside, which stands for this one; then nothing is started.</summary>
    internal string? GivenConnectionString { get; init; }

    public ReferenceExpression ConnectionStringExpression => GivenConnectionString is { } given ? ReferenceExpression.Create($"{given}")
        : PasswordParameter is { } password
        ? ReferenceExpression.Create($"{PrimaryEndpoint.Property(EndpointProperty.Host)}:{PrimaryEndpoint.Property(EndpointProperty.Port)},password={password}")
        : ReferenceExpression.Create($"{PrimaryEndpoint.Property(EndpointProperty.Host)}:{PrimaryEndpoint.Property(EndpointProperty.Port)}");
}
